"""Where a detector is wrong: what it took for what, what it missed, and what it saw where nothing is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data import Sample
from training.detecting import Detections
from training.matching import claim, overlaps

NOTHING = "nothing"


@dataclass(frozen=True, eq=False)
class Pairing:
    """One picture: `pairs` are (box of the truth, detection) at the same place, `missed` and `invented` what is left.

    Numbers are those of the sample's boxes and of the detections.
    """

    pairs: tuple[tuple[int, int], ...]
    missed: tuple[int, ...]
    invented: tuple[int, ...]


def pair(sample: Sample, found: Detections, thresholds: Mapping[int, float]) -> Pairing:
    """The detections that are believed, from their class's threshold on, beside the truth of these classes alone.

    First those of the same class at the same place, so that nothing right is called a confusion; then of any class.
    """
    order = np.argsort(-found.scores, kind="stable")
    said = np.array(
        [at for at in order if found.scores[at] >= thresholds.get(int(found.labels[at]), np.inf)], dtype=np.int64
    )
    there = np.flatnonzero(np.isin(sample.labels, list(thresholds)))
    shared = overlaps(sample, found.boxes[said], sample.boxes[there])
    same = found.labels[said][:, None] == sample.labels[there][None]
    right = claim(np.where(same, shared, 0.0))
    left = np.where((right < 0)[:, None] & ~np.isin(np.arange(len(there)), right)[None], shared, 0.0)
    partner: NDArray[np.int64] = np.where(right >= 0, right, claim(left))
    pairs = tuple((int(there[box]), int(at)) for at, box in zip(said, partner, strict=True) if box >= 0)
    taken = {box for box, _ in pairs}
    return Pairing(
        pairs,
        tuple(int(box) for box in there if box not in taken),
        tuple(int(at) for at, box in zip(said, partner, strict=True) if box < 0),
    )


def confusion(
    samples: Sequence[Sample],
    detections: Sequence[Detections],
    classes: Sequence[str],
    thresholds: Mapping[int, float],
) -> dict[str, Any]:
    """Counts of truth (rows) by what was said (columns), for the classes with a threshold; "nothing" comes last."""
    places = {label: place for place, label in enumerate(sorted(thresholds))}
    nothing = len(places)
    counts = np.zeros((nothing + 1, nothing + 1), np.int64)
    for sample, found in zip(samples, detections, strict=True):
        pairing = pair(sample, found, thresholds)
        for box, at in pairing.pairs:
            counts[places[int(sample.labels[box])], places[int(found.labels[at])]] += 1
        for box in pairing.missed:
            counts[places[int(sample.labels[box])], nothing] += 1
        for at in pairing.invented:
            counts[nothing, places[int(found.labels[at])]] += 1
    return {"labels": [*(classes[label] for label in sorted(thresholds)), NOTHING], "counts": counts.tolist()}
