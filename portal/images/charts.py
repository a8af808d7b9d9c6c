"""Geometry of the small charts that pages draw as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

CHART_WIDTH = 600
CHART_HEIGHT = 120
_GAP = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One day's bar, in units of a CHART_WIDTH x CHART_HEIGHT view box with its origin at the top left."""

    day: date
    count: int
    x: float
    y: float
    width: float
    height: float


def daily_bars(counts: Sequence[tuple[date, int]]) -> list[Bar]:
    """A bar for each day, the highest as high as the chart; days without anything get a bar without height."""
    highest = max((count for _, count in counts), default=0) or 1
    step = CHART_WIDTH / max(len(counts), 1)
    bars = []
    for index, (day, count) in enumerate(counts):
        # What is not nothing must be seen, however small it is beside the highest.
        height = max(CHART_HEIGHT * count / highest, 2.0) if count else 0.0
        bars.append(
            Bar(day, count, round(index * step, 2), round(CHART_HEIGHT - height, 2), round(step - _GAP, 2), height)
        )
    return bars
