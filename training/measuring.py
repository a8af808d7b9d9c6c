"""Mean average precision as COCO defines it, through faster-coco-eval.

Source of the definition: https://cocodataset.org/#detection-eval
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from numpy.typing import NDArray

from training.data import Sample
from training.detecting import Detections

OVERLAPS = np.linspace(0.5, 0.95, 10)
"""The overlaps (intersection over union) from which a box counts as found; mAP is the mean over them."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Average precision of each class, at each overlap of OVERLAPS: (classes, 10), NaN for a class without boxes."""

    precisions: NDArray[np.float64]

    @property
    def map(self) -> float:
        """The mean over overlaps and over the classes that have boxes; 0 where none has."""
        return _mean(self.precisions)

    @property
    def map50(self) -> float:
        return _mean(self.precisions[:, 0])


def quick_map(
    samples: Sequence[Sample], detections: Sequence[Detections], classes: Sequence[str]
) -> tuple[float, float]:
    """mAP over overlaps from 0.5 to 0.95, and mAP at 0.5: the two numbers to watch while training."""
    measured = measure(samples, detections, classes)
    return measured.map, measured.map50


def measure(samples: Sequence[Sample], detections: Sequence[Detections], classes: Sequence[str]) -> Measured:
    """Average precision by class and overlap. `detections` are of these samples, in their order."""
    if not any(len(sample.labels) for sample in samples):
        return Measured(np.full((len(classes), len(OVERLAPS)), np.nan))
    truth = COCO(_truth(samples, classes), print_function=_say_nothing)
    run = COCOeval_faster(truth, truth.loadRes(_results(samples, detections)), "bbox", print_function=_say_nothing)
    run.evaluate()
    run.accumulate()
    # Overlaps x recalls x classes x sizes of boxes (0: all) x numbers of detections (the last: 100).
    precision = run.eval["precision"][:, :, :, 0, -1]
    averages: NDArray[np.float64] = precision.mean(axis=1).T
    return Measured(np.where(averages < 0, np.nan, averages))


def _truth(samples: Sequence[Sample], classes: Sequence[str]) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    for image, sample in enumerate(samples, start=1):
        for label, box in zip(sample.labels.tolist(), _pixels(sample, sample.boxes), strict=True):
            about = {"id": len(annotations) + 1, "image_id": image, "category_id": label + 1, "iscrowd": 0}
            annotations.append({**about, "bbox": box, "area": box[2] * box[3]})
    images = [
        {"id": number, "width": sample.width, "height": sample.height} for number, sample in enumerate(samples, start=1)
    ]
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, start=1)]
    return {"info": {}, "images": images, "annotations": annotations, "categories": categories}


def _results(samples: Sequence[Sample], detections: Sequence[Detections]) -> list[dict[str, Any]]:
    results = []
    for image, (sample, found) in enumerate(zip(samples, detections, strict=True), start=1):
        each = zip(found.labels.tolist(), found.scores.tolist(), _pixels(sample, found.boxes), strict=True)
        results += [
            {"image_id": image, "category_id": label + 1, "score": score, "bbox": box} for label, score, box in each
        ]
    return results


def _pixels(sample: Sample, boxes: NDArray[np.float32]) -> list[list[float]]:
    scale = np.array([sample.width, sample.height] * 2, np.float64)
    pixels: list[list[float]] = (boxes.astype(np.float64) * scale).tolist()
    return pixels


def _mean(precisions: NDArray[np.float64]) -> float:
    known = precisions[~np.isnan(precisions)]
    return float(known.mean()) if len(known) else 0.0


def _say_nothing(*_: object) -> None:
    """The library tells how long each of its steps takes."""
