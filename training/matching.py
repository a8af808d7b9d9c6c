"""Which detections are right: each box of the truth is found once, by the surest detection that fits it best.

As COCO matches them (https://github.com/cocodataset/cocoapi, pycocotools/cocoeval.py, evaluateImg).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.data import Sample
from training.detecting import Detections

FOUND_FROM: Final = 0.5
"""The overlap from which a box counts as found in everything that is told to people."""
MOST_DETECTIONS: Final = 100
"""The surest of a picture and a class, beyond which COCO's measure does not look."""

Overlaps = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Matched:
    """One class in n pictures: its k detections, surest first, and how many boxes there are to find.

    `pictures` (k,) numbers from 0, `scores` (k,), `right` (k,) and `boxes` (n,).
    """

    pictures: NDArray[np.int64]
    scores: NDArray[np.float32]
    right: NDArray[np.bool_]
    boxes: NDArray[np.int64]

    @property
    def all_boxes(self) -> int:
        return int(self.boxes.sum())


def match(samples: Sequence[Sample], detections: Sequence[Detections], label: int) -> Matched:
    """The class with this number, in these pictures: `detections` are in the order of `samples`."""
    # One empty part first: without pictures there is nothing to join.
    pictures, scores, right = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)], [np.zeros(0, np.bool_)]
    for number, (sample, found) in enumerate(zip(samples, detections, strict=True)):
        chosen = np.flatnonzero(found.labels == label)
        chosen = chosen[np.argsort(-found.scores[chosen], kind="stable")][:MOST_DETECTIONS]
        truth = sample.boxes[sample.labels == label]
        pictures.append(np.full(len(chosen), number, np.int64))
        scores.append(found.scores[chosen])
        right.append(claim(overlaps(sample, found.boxes[chosen], truth)) >= 0)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return Matched(
        np.concatenate(pictures)[order],
        np.concatenate(scores)[order],
        np.concatenate(right)[order],
        np.array([np.count_nonzero(sample.labels == label) for sample in samples], np.int64),
    )


def claim(shared: Overlaps) -> NDArray[np.int64]:
    """For each detection (rows, surest first) the box (column) that it finds, or -1: no box is found twice."""
    claimed = np.full(len(shared), -1, np.int64)
    free = np.ones(shared.shape[1], bool)
    for row in np.flatnonzero((shared >= FOUND_FROM).any(axis=1)):
        candidates = np.where(free & (shared[row] >= FOUND_FROM), shared[row], -1.0)
        # Of equal ones the last, as COCO's own program has it.
        best = len(candidates) - 1 - int(candidates[::-1].argmax())
        if candidates[best] >= 0:
            claimed[row] = best
            free[best] = False
    return claimed


def overlaps(sample: Sample, first: NDArray[np.float32], second: NDArray[np.float32]) -> Overlaps:
    """Intersection over union of each of these boxes with each of those, all as fractions of the sample's picture."""
    # In pixels and at double precision, so that a box at exactly half falls on the same side as it does for COCO.
    scale = np.array([sample.width, sample.height] * 2, np.float64)
    one, other = first.astype(np.float64) * scale, second.astype(np.float64) * scale
    near = np.maximum(one[:, None, :2], other[None, :, :2])
    far = np.minimum((one[:, :2] + one[:, 2:])[:, None], (other[:, :2] + other[:, 2:])[None])
    shared: Overlaps = (far - near).clip(0).prod(axis=2)
    union = one[:, 2:].prod(axis=1)[:, None] + other[:, 2:].prod(axis=1)[None] - shared
    ratios: Overlaps = shared / union
    return ratios
