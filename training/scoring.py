"""One detector's numbers on a set of pictures, as the report has them: plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from training.bootstrap import Interval, average_precisions, draws, interval, mean_over_classes
from training.confusion import confusion
from training.data import Sample
from training.detecting import Detections
from training.matching import Matched, match
from training.measuring import measure

_CURVE_POINTS: Final = 50
_DIGITS: Final = 6


def scores(
    samples: Sequence[Sample],
    detections: Sequence[Detections],
    classes: Sequence[str],
    thresholds: Mapping[int, float],
) -> dict[str, Any]:
    """Measured on the classes that have a threshold, in all these pictures. `detections` are in their order.

    A class without boxes in them has no average precision, recall or F1: None; one that was never said no precision.
    """
    labels = sorted(thresholds)
    matched = {label: match(samples, detections, label) for label in labels}
    weights = draws(len(samples))
    averages = {label: average_precisions(matched[label], weights) for label in labels}
    precise = measure(samples, detections, classes).precisions[labels]
    return {
        "images": len(samples),
        "classes": {
            classes[label]: {
                "boxes": matched[label].all_boxes,
                "ap": number(float(of_class.mean())),
                "ap50": numbers(interval(averages[label], len(samples))),
                **_at_threshold(matched[label], thresholds[label]),
                "curve": curve(matched[label]),
            }
            for label, of_class in zip(labels, precise, strict=True)
        },
        "map": number(_mean(precise)),
        "map50": numbers(interval(mean_over_classes(list(averages.values())), len(samples))),
        "confusion": confusion(samples, detections, classes, thresholds),
    }


def _at_threshold(matched: Matched, threshold: float) -> dict[str, float | None]:
    said = matched.scores >= threshold
    right, boxes = int(matched.right[said].sum()), matched.all_boxes
    precision = right / int(said.sum()) if said.any() else None
    recall = right / boxes if boxes else None
    f1 = 2 * right / (int(said.sum()) + boxes) if boxes else None
    measured = {"precision": precision, "recall": recall, "f1": f1, "threshold": threshold}
    return {name: value if value is None else number(value) for name, value in measured.items()}


def curve(matched: Matched) -> list[list[float]]:
    """At most 50 points (recall, precision), from the surest detection on: a point wherever another box is found."""
    at = np.flatnonzero(matched.right)
    if not len(at) or not matched.all_boxes:
        return []
    found = np.arange(1, len(at) + 1)
    points = np.stack([found / matched.all_boxes, found / (at + 1)], axis=1)
    kept = np.unique(np.linspace(0, len(points) - 1, _CURVE_POINTS).round().astype(int))
    shortened: list[list[float]] = points[kept].round(_DIGITS).tolist()
    return shortened


def number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, _DIGITS)


def numbers(measured: Interval) -> list[float | None] | None:
    """Value, lowest and highest; None where nothing was measured."""
    if np.isnan(measured.value):
        return None
    return [number(measured.value), number(measured.low), number(measured.high)]


def _mean(precisions: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """NaN without any class."""
    if not len(precisions):
        return float("nan")
    known = precisions[~np.isnan(precisions)]
    return float(known.mean()) if len(known) else 0.0
