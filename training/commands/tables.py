"""A model's numbers as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_COLUMNS = ("boxes", "AP50", "precision", "recall", "F1", "threshold")


def table(numbers: Mapping[str, Any]) -> Iterator[str]:
    """Of a report's detector: a line for each class, and mAP with its interval."""
    width = max([5, *map(len, numbers["classes"])])
    yield f"{'class':{width}}" + "".join(f"{column:>11}" for column in _COLUMNS)
    for name, values in numbers["classes"].items():
        ap50 = (values["ap50"] or [None])[0]
        cells = (values["precision"], values["recall"], values["f1"], values["threshold"])
        yield f"{name:{width}}{values['boxes']:>11}" + "".join(f"{_number(cell):>11}" for cell in (ap50, *cells))
    yield f"mAP50 {interval(numbers['map50'])}, mAP {_number(numbers['map'])}"


def interval(value: list[float] | None) -> str:
    """Of 95 %."""
    return "–" if not value else f"{value[0]:.3f} ({value[1]:.3f} to {value[2]:.3f})"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
