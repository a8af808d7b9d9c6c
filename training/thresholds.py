"""From which score on a class is best believed: chosen on validation data, never on the test set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from training.data import Sample
from training.detecting import Detections
from training.matching import Matched, match

# A few lucky pictures must not make a class shown always or never.
_LOWEST: Final = 0.05
_HIGHEST: Final = 0.95
_UNKNOWN: Final = 0.5


def choose(samples: Sequence[Sample], detections: Sequence[Detections], classes: Sequence[str]) -> Mapping[str, float]:
    """For each class the score that gives the best F1, half-way to the first detection that is left out.

    A class that has no boxes here gets the middle of the others; 0.5 where none has.
    """
    chosen = {name: best_cut(match(samples, detections, number)) for number, name in enumerate(classes)}
    known = [cut for cut in chosen.values() if cut is not None]
    other = float(np.median(known)) if known else _UNKNOWN
    return {name: round(other if cut is None else cut, 4) for name, cut in chosen.items()}


def best_cut(matched: Matched) -> float | None:
    """None where there is nothing to find, or nothing was found."""
    if not matched.all_boxes or not matched.right.any():
        return None
    scores = matched.scores.astype(np.float64)
    found = np.cumsum(matched.right)
    f1 = 2 * found / (np.arange(1, len(scores) + 1) + matched.all_boxes)
    # Between equal scores no cut is possible.
    f1[:-1][scores[:-1] == scores[1:]] = -1
    last = int(f1.argmax())
    following = scores[last + 1] if last + 1 < len(scores) else 0.0
    return float(np.clip((scores[last] + following) / 2, _LOWEST, _HIGHEST))
