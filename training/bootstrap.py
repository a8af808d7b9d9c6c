"""How far a measured precision can be trusted: the test pictures drawn again and again, with replacement.

Detections are matched once; a picture drawn twice counts twice. What is compared is weighed by the same draws, so that
pictures which are hard for both models do not blur the difference between them.

Sources: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13; for few pictures the wider
percentiles of T. Hesterberg, "What Teachers Should Know About the Bootstrap", 2015, https://arxiv.org/abs/1411.5279.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from training.matching import Matched

DRAWS: Final = 1000
_SEED: Final = 0
_TAIL: Final = 0.025
_RECALLS: Final = np.linspace(0, 1, 101)
# Numbers held at once, so that a large test set does not need gigabytes.
_AT_ONCE: Final = 4_000_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A measured value and where it lies in 95 of 100 draws."""

    value: float
    low: float
    high: float


def draws(pictures: int, count: int = DRAWS) -> Floats:
    """How often each picture is in each draw: (1 + count, pictures). The first is the measurement itself: each once.

    The same for the same numbers, so that models measured on the same pictures can be compared draw by draw.
    """
    if not pictures:
        return np.zeros((1 + count, 0))
    drawn = np.random.default_rng(_SEED).multinomial(pictures, np.full(pictures, 1 / pictures), count)
    return np.concatenate([np.ones((1, pictures)), drawn])


def average_precisions(matched: Matched, weights: Floats) -> Floats:
    """COCO's average precision in each draw (r,), from how often each picture is in it (r, pictures).

    The mean over 101 recalls of the best precision at that recall or a higher one. NaN where a draw has no box to find.
    """
    rows = max(1, _AT_ONCE // max(1, len(matched.right)))
    parts = [_average_precisions(matched, weights[start : start + rows]) for start in range(0, len(weights), rows)]
    return np.concatenate(parts)


def _average_precisions(matched: Matched, weights: Floats) -> Floats:
    boxes = weights @ matched.boxes
    at = np.flatnonzero(matched.right)
    if not len(at):
        return np.where(boxes > 0, 0.0, np.nan)
    each = weights[:, matched.pictures[: at[-1] + 1]]
    found = np.cumsum(each[:, at], axis=1)
    said = np.cumsum(each, axis=1)[:, at]
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(said > 0, found / said, 0.0)
        recall = found / boxes[:, None]
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    reached = np.searchsorted(_RECALLS, recall, side="right")
    newly = np.diff(reached, axis=1, prepend=0)
    averages: Floats = np.where(boxes > 0, (newly * best).sum(axis=1) / len(_RECALLS), np.nan)
    return averages


def mean_over_classes(averages: Sequence[Floats]) -> Floats:
    """mAP in each draw (r,), over the classes that it has boxes of; 0 where it has none at all."""
    if not averages:
        return np.zeros(0)
    each = np.stack(averages)
    known = ~np.isnan(each)
    means: Floats = np.where(known, each, 0.0).sum(axis=0) / np.maximum(1, known.sum(axis=0))
    return means


def interval(values: Floats, pictures: int) -> Interval:
    """From the measurement itself (first) and its draws of so many pictures; NaN where there was nothing to measure,
    or no class to measure it of.

    One picture says nothing of others: from -1 to 1, which no precision and no difference of two can leave.
    """
    if not len(values) or np.isnan(values[0]):
        return Interval(np.nan, np.nan, np.nan)
    known = values[1:][~np.isnan(values[1:])]
    if pictures < 2 or not len(known):
        return Interval(float(values[0]), -1.0, 1.0)
    low, high = np.percentile(known, _percentiles(pictures))
    return Interval(float(values[0]), float(min(low, values[0])), float(max(high, values[0])))


def _percentiles(pictures: int) -> tuple[float, float]:
    """Draws from few pictures spread less than the pictures do: further out, as Student's distribution is wider."""
    reach = stats.t.ppf(1 - _TAIL, pictures - 1) * np.sqrt(pictures / (pictures - 1))
    tail = 100 * float(stats.norm.cdf(-reach))
    return tail, 100 - tail
