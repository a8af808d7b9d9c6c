"""Plots of a report as inline SVG, without a script or a library: precision–recall curves and a table of confusions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

_SIDE: Final = 320
_MARGIN: Final = 44
_SPAN: Final = _SIDE - 2 * _MARGIN + 28
# Told apart by people with and without colour vision: https://jfly.uni-koeln.de/color/
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")


def curves(classes: Mapping[str, Mapping[str, Any]]) -> str:
    """Precision over recall at an overlap of 0.5, a line for each class, its threshold's place as a dot."""
    lines = "".join(_line(of_class, colour(number)) for number, of_class in enumerate(classes.values()))
    legend = "".join(
        f'<li><span style="background:{colour(number)}"></span>{escape(name)}</li>'
        for number, name in enumerate(classes)
    )
    return (
        f'<figure><svg viewBox="0 0 {_SIDE} {_SIDE}" role="img" aria-label="Precision over recall, by class">'
        f"{_axes()}{lines}</svg><figcaption><ul>{legend}</ul></figcaption></figure>"
    )


def colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _x(value: float) -> float:
    return round(_MARGIN + value * _SPAN, 1)


def _y(value: float) -> float:
    return round(_SIDE - _MARGIN - value * _SPAN, 1)


def _line(of_class: Mapping[str, Any], stroke: str) -> str:
    points = " ".join(f"{_x(recall)},{_y(precision)}" for recall, precision in of_class["curve"])
    line = f'<polyline points="{points}" fill="none" stroke="{stroke}" stroke-width="2"/>' if points else ""
    if of_class["recall"] is None or of_class["precision"] is None:
        return line
    at = f'cx="{_x(of_class["recall"])}" cy="{_y(of_class["precision"])}"'
    return f'{line}<circle {at} r="4" fill="{stroke}"/>'


def _axes() -> str:
    parts = []
    for tenth in range(0, 11, 2):
        value = tenth / 10
        parts.append(f'<line class="grid" x1="{_x(0)}" x2="{_x(1)}" y1="{_y(value)}" y2="{_y(value)}"/>')
        parts.append(f'<line class="grid" y1="{_y(0)}" y2="{_y(1)}" x1="{_x(value)}" x2="{_x(value)}"/>')
        parts.append(f'<text x="{_x(value)}" y="{_y(0) + 16}" text-anchor="middle">{value:.1f}</text>')
        parts.append(f'<text x="{_x(0) - 6}" y="{_y(value) + 4}" text-anchor="end">{value:.1f}</text>')
    middle = _SIDE / 2
    parts.append(f'<text x="{middle}" y="{_SIDE - 6}" text-anchor="middle">Recall</text>')
    parts.append(f'<text transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">Precision</text>')
    return "".join(parts)


def confusion_table(confusion: Mapping[str, Any]) -> str:
    """Rows: what is there, columns: what was said; darker where more of a row went."""
    labels: Sequence[str] = confusion["labels"]
    head = "".join(f'<th scope="col">{escape(label)}</th>' for label in labels)
    rows = "".join(
        f'<tr><th scope="row">{escape(label)}</th>{_cells(counts, row)}</tr>'
        for row, (label, counts) in enumerate(zip(labels, confusion["counts"], strict=True))
    )
    corner = '<td class="corner">there ↓ said →</td>'
    return f'<table class="confusion"><thead><tr>{corner}{head}</tr></thead><tbody>{rows}</tbody></table>'


def _cells(counts: Sequence[int], row: int) -> str:
    most = max(1, sum(counts))
    return "".join(
        f'<td class="{"right" if column == row else "wrong"}" style="--share:{count / most:.2f}">{int(count)}</td>'
        for column, count in enumerate(counts)
    )
