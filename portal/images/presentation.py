"""What the image page shows of a result: labels in one row each, the boxes to draw, and why each is there.

Everything that was stored is in the view, marked with its confidence; which of it is visible is decided by a threshold,
on the server for the first look and in the browser from then on. Confidence is in percent throughout.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from portal.images.label_rows import BoxView, Decided, LabelRow, as_detected, detector_title, doubt, label_rows
from portal.moderation.truth import Truth
from recognition.result import (
    DetectorRun,
    DominantColor,
    Failure,
    ImageInfo,
    ModerationLabel,
    Properties,
    Result,
    TextKind,
)

# Above this many boxes their names would cover the photo: they are then shown one at a time.
_CROWD = 12

_LARGEST_SIDE = 1600
_LARGEST_ENLARGEMENT = 2


@dataclass(frozen=True, slots=True)
class TextRow:
    key: str
    text: str
    confidence: float
    box: BoxView


@dataclass(frozen=True, slots=True)
class Meter:
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class FailedDetector:
    title: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class PhotoView:
    """All that the image page shows of one result. `boxes` are in drawing order: large ones below small ones.

    `rejected` are the labels that people refused, `doubts` sentences on other labels that the newest recognition says
    they are instead. There are none where a recognition is shown as the detectors gave it.
    """

    threshold: float
    failure: Failure | None
    info: ImageInfo | None
    labels: tuple[LabelRow, ...]
    rejected: tuple[LabelRow, ...]
    doubts: tuple[str, ...]
    texts: tuple[TextRow, ...]
    boxes: tuple[BoxView, ...]
    flags: tuple[ModerationLabel, ...]
    colors: tuple[DominantColor, ...]
    meters: tuple[Meter, ...]
    runs: tuple[DetectorRun, ...]
    failed_detectors: tuple[FailedDetector, ...]
    document: str

    @property
    def hidden_labels(self) -> int:
        return sum(row.confidence < self.threshold for row in self.labels)

    @property
    def hidden_texts(self) -> int:
        return sum(row.confidence < self.threshold for row in self.texts)

    @property
    def is_crowded(self) -> bool:
        """Whether so many boxes are visible that their names are shown one at a time."""
        visible = [box for box in self.boxes if box.kind == "label" and box.confidence >= self.threshold]
        return len(visible) > _CROWD


def photo_view(
    result: Result,
    *,
    threshold: float,
    flags: tuple[ModerationLabel, ...] = (),
    truth: Truth | None = None,
    decided: Mapping[UUID, Decided] | None = None,
) -> PhotoView:
    """Arrange `result` for the page. `flags` are those of its content flags that are worth a warning.

    With `truth` its labels are those that hold, whoever said so, and `decided` tells of each annotation.
    """
    runs = {run.name: run for run in result.detectors}
    shown = truth or Truth(labels=as_detected(result.labels))
    labels = label_rows("label", shown.labels, runs, decided or {}, shown.disagreements)
    rejected = label_rows("rejected", shown.rejected, runs, decided or {}, shown.disagreements)
    listed = {row.name.lower() for row in (*labels, *rejected)}
    texts = _text_rows(result)
    boxes = [box for row in labels for box in row.boxes] + [row.box for row in texts]
    return PhotoView(
        threshold=threshold,
        failure=result.failure,
        info=result.image,
        labels=labels,
        rejected=rejected,
        doubts=tuple(doubt(each) for each in shown.disagreements if each.name.lower() not in listed),
        texts=texts,
        boxes=tuple(sorted(boxes, key=lambda box: box.area, reverse=True)),
        flags=flags,
        colors=result.properties.dominant_colors if result.properties else (),
        meters=_meters(result.properties),
        runs=result.detectors,
        failed_detectors=tuple(
            FailedDetector(detector_title(run.name), run.failure) for run in result.detectors if run.failure
        ),
        document=json.dumps(result.to_dict(), ensure_ascii=False, indent=2),
    )


def display_size(width: int, height: int) -> tuple[int, int]:
    """The largest size in CSS pixels at which the page shows an upright image of `width` x `height` pixels.

    At most 1,600 on the longest side; small images are enlarged, but to no more than twice their size.
    """
    scale = min(_LARGEST_SIDE / max(width, height), _LARGEST_ENLARGEMENT)
    return max(round(width * scale), 1), max(round(height * scale), 1)


def _text_rows(result: Result) -> tuple[TextRow, ...]:
    """Lines where there are any: their words would only say the same again."""
    lines = [text for text in result.text if text.kind is TextKind.LINE] or list(result.text)
    return tuple(
        TextRow(key, text.text, text.confidence, BoxView(key, "text", text.text, text.confidence, text.box))
        for key, text in ((f"text-{index}", text) for index, text in enumerate(lines))
    )


def _meters(properties: Properties | None) -> tuple[Meter, ...]:
    if properties is None:
        return ()
    return (
        Meter("Sharpness", properties.sharpness),
        Meter("Brightness", properties.brightness),
        Meter("Contrast", properties.contrast),
    )
