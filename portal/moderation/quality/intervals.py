"""Confidence intervals of a share, from a sample: on the standard library alone.

The incomplete beta function follows its continued fraction (Press et al., Numerical Recipes, 3rd edition, 6.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

LEVEL: Final = 0.95

_BISECTIONS: Final = 60
_TERMS: Final = 10_000
_SMALLEST: Final = 1e-300
_PRECISE: Final = 1e-15


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a share lies, from 0 to 1, both ends included."""

    low: float
    high: float

    def holds(self, share: float) -> bool:
        return self.low <= share <= self.high


@dataclass(frozen=True, slots=True)
class Cluster:
    """What one image of the sample adds: `right` of `of` were right."""

    right: int
    of: int


def clopper_pearson(right: float, of: float, level: float = LEVEL) -> Interval:
    """The exact interval of a share of which `right` of `of` independent draws were right.

    It holds the true share with a probability of at least `level`, whatever the share is and however few the draws.
    Source: Clopper and Pearson (1934), "The use of confidence or fiducial limits illustrated in the case of the
    binomial", Biometrika 26(4). Numbers need not be whole, see `clustered`. Raises ValueError unless
    0 <= right <= of and of > 0.
    """
    if not 0 <= right <= of or of <= 0:
        raise ValueError(f"{right} of {of} is no share")
    tail = (1 - level) / 2
    # The binomial's tails are the incomplete beta function: P(X >= right) of a share is I(share; right, of-right+1).
    low = 0.0 if right == 0 else _where(lambda share: incomplete_beta(share, right, of - right + 1) - tail)
    high = 1.0 if right == of else _where(lambda share: incomplete_beta(share, right + 1, of - right) - (1 - tail))
    return Interval(low, high)


def clustered(clusters: Sequence[Cluster], level: float = LEVEL) -> Interval:
    """The interval of a share that was observed several times in each image, where it is the images that were drawn.

    What is found in one image is alike, so that many findings in few images tell less than they seem to. Here they
    count as if all findings of one image were right or wrong together, the worst that can be: the interval is rather
    too wide than too narrow. Source of the number of draws that this leaves: Kish (1965), "Survey
    Sampling", on design effects; taken by Clopper and Pearson's interval as in Korn and Graubard (1998), "Confidence
    intervals for proportions with small expected number of positive counts estimated from survey data", Survey
    Methodology 24(2).
    """
    of = sum(cluster.of for cluster in clusters)
    share = sum(cluster.right for cluster in clusters) / of
    draws = of**2 / sum(cluster.of**2 for cluster in clusters)
    return clopper_pearson(share * draws, draws, level)


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I(x; a, b) for 0 <= x <= 1 and positive a and b."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    # The fraction converges fast on one side of the mean only.
    return _below_the_mean(x, a, b) if x <= (a + 1) / (a + b + 2) else 1 - _below_the_mean(1 - x, b, a)


def _below_the_mean(x: float, a: float, b: float) -> float:
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(logarithm) * _continued_fraction(x, a, b) / a


def _continued_fraction(x: float, a: float, b: float) -> float:
    """By Lentz's method, which takes two terms a step."""
    ratio, inverse = 1.0, 1 / _not_nothing(1 - (a + b) * x / (a + 1))
    value = inverse
    for step in range(1, _TERMS):
        even = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        for term in (even, odd):
            inverse = 1 / _not_nothing(1 + term * inverse)
            ratio = _not_nothing(1 + term / ratio)
            change = inverse * ratio
            value *= change
        if abs(change - 1) < _PRECISE:
            break
    return value


def _not_nothing(number: float) -> float:
    return number if abs(number) > _SMALLEST else _SMALLEST


def _where(rising: Callable[[float], float]) -> float:
    """Where a function that rises from 0 to 1 passes through nothing, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if rising(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
