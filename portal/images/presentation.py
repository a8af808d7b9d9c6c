"""What the image page shows of a result: labels in one row each, the boxes to draw, and why each is there.

Everything that was stored is in the view, marked with its confidence; which of it is visible is decided by a threshold,
on the server for the first look and in the browser from then on. Confidence is in percent throughout.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from recognition.result import (
    Box,
    DetectorRun,
    DominantColor,
    Failure,
    ImageInfo,
    Label,
    ModerationLabel,
    Properties,
    Result,
    TextKind,
)

_TITLES = {
    "onnx": "The object detector",
    "faces": "The face detector",
    "text": "The text detector",
    "properties": "The colour and sharpness measurement",
    "rekognition": "Amazon Rekognition",
}

# Above this many boxes their names would cover the photo: they are then shown one at a time.
_CROWD = 12
# A name stands above its box, except where that would be outside the photo (fraction of the height).
_ROOM_FOR_NAME = 0.06
# From here on to the right (fraction of the width) a name ends at its box's right edge.
_RIGHT_SIDE = 0.5
# Boxes of one label that share this much of their area (intersection over union) are two views of one thing.
_SAME_PLACE = 0.6

_LARGEST_SIDE = 1600
_LARGEST_ENLARGEMENT = 2


def detector_title(name: str) -> str:
    """What a detector is called at the beginning of a sentence."""
    return _TITLES.get(name, f"The detector “{name}”")


@dataclass(frozen=True, slots=True)
class BoxView:
    """A box over the photo. It belongs to the row with the same `key`.

    A twin lies where a surer box of the same label lies: its name would only cover the other's.
    """

    key: str
    kind: str
    name: str
    confidence: float
    box: Box
    is_twin: bool = False

    @property
    def left(self) -> str:
        return _percentage(self.box.left)

    @property
    def top(self) -> str:
        return _percentage(self.box.top)

    @property
    def width(self) -> str:
        return _percentage(self.box.width)

    @property
    def height(self) -> str:
        return _percentage(self.box.height)

    @property
    def right(self) -> str:
        return _percentage(self.box.left + self.box.width)

    @property
    def area(self) -> float:
        return self.box.width * self.box.height

    @property
    def name_inside(self) -> bool:
        return self.box.top < _ROOM_FOR_NAME

    @property
    def name_to_the_right(self) -> bool:
        return self.box.left > _RIGHT_SIDE


@dataclass(frozen=True, slots=True)
class Evidence:
    """One detector's reason for a row. `run` is None when the result does not tell about that detector's run."""

    detector: str
    confidence: float
    places: int
    run: DetectorRun | None

    @property
    def title(self) -> str:
        return detector_title(self.detector)


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label with all that any detector said of it; its confidence is the surest detector's."""

    key: str
    name: str
    confidence: float
    parents: tuple[str, ...]
    categories: tuple[str, ...]
    aliases: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    boxes: tuple[BoxView, ...]

    @property
    def bar(self) -> str:
        return f"{self.confidence:.1f}%"


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
    """All that the image page shows of one result. `boxes` are in drawing order: large ones below small ones."""

    threshold: float
    failure: Failure | None
    info: ImageInfo | None
    labels: tuple[LabelRow, ...]
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


def photo_view(result: Result, *, threshold: float, flag_threshold: float) -> PhotoView:
    """Arrange `result` for the page. `flag_threshold` decides which content flags are worth a warning."""
    runs = {run.name: run for run in result.detectors}
    labels = _label_rows(result.labels, runs)
    texts = _text_rows(result)
    boxes = [box for row in labels for box in row.boxes] + [row.box for row in texts]
    return PhotoView(
        threshold=threshold,
        failure=result.failure,
        info=result.image,
        labels=labels,
        texts=texts,
        boxes=tuple(sorted(boxes, key=lambda box: box.area, reverse=True)),
        flags=_flags(result, flag_threshold),
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


def _percentage(fraction: float) -> str:
    return f"{100 * fraction:.3f}%"


def _label_rows(labels: tuple[Label, ...], runs: dict[str, DetectorRun]) -> tuple[LabelRow, ...]:
    named: dict[str, list[Label]] = defaultdict(list)
    for label in sorted(labels, key=lambda label: -label.confidence):
        named[label.name].append(label)
    return tuple(_label_row(f"label-{index}", same, runs) for index, same in enumerate(named.values()))


def _label_row(key: str, labels: list[Label], runs: dict[str, DetectorRun]) -> LabelRow:
    """One row for `labels` of one name, surest first."""
    return LabelRow(
        key=key,
        name=labels[0].name,
        confidence=labels[0].confidence,
        parents=_each_once(name for label in labels for name in label.parents),
        categories=_each_once(name for label in labels for name in label.categories),
        aliases=_each_once(name for label in labels for name in label.aliases),
        evidence=tuple(
            Evidence(label.detector, label.confidence, len(label.instances), runs.get(label.detector))
            for label in labels
        ),
        boxes=_label_boxes(key, labels),
    )


def _label_boxes(key: str, labels: list[Label]) -> tuple[BoxView, ...]:
    found = [
        (min(instance.confidence, label.confidence), instance.box) for label in labels for instance in label.instances
    ]
    found.sort(key=lambda each: -each[0])
    return tuple(
        BoxView(key, "label", labels[0].name, confidence, box, _has_twin(box, (other for _, other in found[:index])))
        for index, (confidence, box) in enumerate(found)
    )


def _has_twin(box: Box, surer: Iterable[Box]) -> bool:
    return any(_iou(box, other) > _SAME_PLACE for other in surer)


def _iou(one: Box, other: Box) -> float:
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (one.width * one.height + other.width * other.height - shared)


def _text_rows(result: Result) -> tuple[TextRow, ...]:
    """Lines where there are any: their words would only say the same again."""
    lines = [text for text in result.text if text.kind is TextKind.LINE] or list(result.text)
    return tuple(
        TextRow(key, text.text, text.confidence, BoxView(key, "text", text.text, text.confidence, text.box))
        for key, text in ((f"text-{index}", text) for index, text in enumerate(lines))
    )


def _flags(result: Result, threshold: float) -> tuple[ModerationLabel, ...]:
    shown = [flag for flag in result.moderation_labels if flag.confidence >= threshold]
    return tuple(sorted(shown, key=lambda flag: -flag.confidence))


def _meters(properties: Properties | None) -> tuple[Meter, ...]:
    if properties is None:
        return ()
    return (
        Meter("Sharpness", properties.sharpness),
        Meter("Brightness", properties.brightness),
        Meter("Contrast", properties.contrast),
    )


def _each_once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
