"""Geometry of a share with its interval, drawn as SVG in one line of a table."""

from __future__ import annotations

from dataclasses import dataclass

from portal.moderation.quality.estimates import Precision

WIDTH = 200
# So that the mark of 0 or 100 % is not cut off.
_MARGIN = 5


@dataclass(frozen=True, slots=True)
class Whisker:
    """Positions from the left in a view box WIDTH wide, and the same in percent."""

    precision: Precision
    at: float
    low: float
    high: float

    @property
    def percent(self) -> float:
        return 100 * self.precision.share

    @property
    def low_percent(self) -> float:
        return 100 * self.precision.interval.low

    @property
    def high_percent(self) -> float:
        return 100 * self.precision.interval.high


def whisker(precision: Precision) -> Whisker:
    interval = precision.interval
    return Whisker(precision, *(_position(share) for share in (precision.share, interval.low, interval.high)))


def _position(share: float) -> float:
    return round(_MARGIN + (WIDTH - 2 * _MARGIN) * share, 1)
