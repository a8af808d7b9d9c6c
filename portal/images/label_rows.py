"""The labels of an image as its page lists them: one row for each name, with its boxes and why it is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from portal.images.models import LabelState
from portal.moderation.matching import iou
from portal.moderation.truth import PEOPLE, Disagreement, Prediction, TrueInstance, TrueLabel
from recognition.result import Box, DetectorRun, Label

_TITLES = {
    "onnx": "The object detector",
    "custom": "Your own model",
    "faces": "The face detector",
    "text": "The text detector",
    "properties": "The colour and sharpness measurement",
    "rekognition": "Amazon Rekognition",
    PEOPLE: "People",
}

# A name stands above its box, except where that would be outside the photo (fraction of the height).
_ROOM_FOR_NAME = 0.06
# From here on to the right (fraction of the width) a name ends at its box's right edge.
_RIGHT_SIDE = 0.5
# Boxes of one label that share this much of their area (intersection over union) are two views of one thing.
_SAME_PLACE = 0.6


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
    by_people: bool = False

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
    """What one detector said, `said` being its own word for it. `run` is None when the result does not tell of it."""

    detector: str
    confidence: float
    places: int
    run: DetectorRun | None
    said: str

    @property
    def title(self) -> str:
        return detector_title(self.detector)


@dataclass(frozen=True, slots=True)
class Decided:
    """What an annotation decided, in a sentence, and in another what a detector had said there, if any did."""

    sentence: str
    had_said: str = ""


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label with all that detectors and people said of it; its confidence is that of the surest.

    `decisions` are sentences on what people decided, `doubts` on where the newest recognition says something else.
    """

    key: str
    name: str
    confidence: float
    state: LabelState
    parents: tuple[str, ...]
    categories: tuple[str, ...]
    aliases: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    boxes: tuple[BoxView, ...]
    decisions: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def bar(self) -> str:
        return f"{self.confidence:.1f}%"

    @property
    def badge(self) -> str:
        """What people did with it, in a word; empty as long as only detectors say so."""
        return "" if self.state == LabelState.PREDICTED else str(self.state.label)


def as_detected(labels: Iterable[Label]) -> tuple[TrueLabel, ...]:
    """The labels of a result as if nobody had said anything of them, surest first."""
    return tuple(_undecided(label) for label in sorted(labels, key=lambda label: -label.confidence))


def label_rows(
    prefix: str,
    labels: Iterable[TrueLabel],
    runs: Mapping[str, DetectorRun],
    decided: Mapping[UUID, Decided],
    disagreements: Iterable[Disagreement] = (),
) -> tuple[LabelRow, ...]:
    """A row for each name, whatever the case of its letters, in the order given, with keys that begin with `prefix`.

    `decided` says what the annotations of the image decided; `disagreements` are put to their names.
    """
    named: dict[str, list[TrueLabel]] = defaultdict(list)
    for label in labels:
        named[label.name.lower()].append(label)
    doubts: dict[str, list[str]] = defaultdict(list)
    for each in disagreements:
        doubts[each.name.lower()].append(doubt(each))
    return tuple(
        _row(f"{prefix}-{index}", same, runs, decided, doubts[name]) for index, (name, same) in enumerate(named.items())
    )


def doubt(disagreement: Disagreement) -> str:
    """Where the newest recognition says something else than a person, in a sentence."""
    if disagreement.kind == "gone":
        return f"The newest recognition does not find “{disagreement.name}” there any more."
    title, sure = detector_title(disagreement.detector), f"{disagreement.confidence:.0f} %"
    return f"{title} says “{disagreement.name}” in the newest recognition, {sure} sure."


def _undecided(label: Label) -> TrueLabel:
    return TrueLabel(
        name=label.name,
        detector=label.detector,
        confidence=label.confidence,
        state=LabelState.PREDICTED,
        parents=label.parents,
        aliases=label.aliases,
        categories=label.categories,
        instances=tuple(
            TrueInstance(
                each.box,
                each.confidence,
                LabelState.PREDICTED,
                Prediction(label.name, label.detector, each.confidence, each.box),
            )
            for each in label.instances
        ),
        predicted=Prediction(label.name, label.detector, label.confidence),
    )


def _row(
    key: str,
    labels: list[TrueLabel],
    runs: Mapping[str, DetectorRun],
    decided: Mapping[UUID, Decided],
    doubts: list[str],
) -> LabelRow:
    """One row for `labels` of one name."""
    surest = max(labels, key=lambda label: (label.by_people, label.confidence))
    return LabelRow(
        key=key,
        name=labels[0].name,
        confidence=surest.confidence,
        state=surest.state,
        parents=_each_once(name for label in labels for name in label.parents),
        categories=_each_once(name for label in labels for name in label.categories),
        aliases=_each_once(name for label in labels for name in label.aliases),
        evidence=_evidence(labels, runs),
        boxes=_boxes(key, labels),
        decisions=_decisions(labels, decided) or _by_the_way(surest.state),
        doubts=_each_once(doubts),
    )


def _decisions(labels: list[TrueLabel], decided: Mapping[UUID, Decided]) -> tuple[str, ...]:
    """Who decided, and what a detector had said where none says it any more."""
    said = [(each.annotation, each.predicted) for label in labels for each in label.instances]
    said += [(label.annotation, label.predicted) for label in labels]
    known = [(decided[by], predicted) for by, predicted in said if by is not None and by in decided]
    forgotten = [decision.had_said for decision, predicted in known if predicted is None and decision.had_said]
    return _each_once([*(decision.sentence for decision, _ in known), *forgotten])


def _by_the_way(state: LabelState) -> tuple[str, ...]:
    """What decided on a label that nobody named: who refuses it by no annotation says that the image is complete."""
    return ("A moderator said that nothing else is in this photo.",) if state == LabelState.REJECTED else ()


def _evidence(labels: list[TrueLabel], runs: Mapping[str, DetectorRun]) -> tuple[Evidence, ...]:
    """What each detector said by each of its words, surest first."""
    said: dict[tuple[str, str], list[Prediction]] = defaultdict(list)
    for prediction in (each for label in labels for each in _predictions(label)):
        said[prediction.detector, prediction.name].append(prediction)
    found = [
        # What was said of the whole image comes first, and is what the detector was sure of.
        Evidence(detector, all_said[0].confidence, sum(p.box is not None for p in all_said), runs.get(detector), name)
        for (detector, name), all_said in said.items()
    ]
    return tuple(sorted(found, key=lambda each: -each.confidence))


def _predictions(label: TrueLabel) -> Iterator[Prediction]:
    if label.predicted is not None:
        yield Prediction(label.predicted.name, label.predicted.detector, label.predicted.confidence)
    yield from (each.predicted for each in label.instances if each.predicted is not None)


def _boxes(key: str, labels: list[TrueLabel]) -> tuple[BoxView, ...]:
    found = [(min(instance.confidence, label.confidence), instance) for label in labels for instance in label.instances]
    found.sort(key=lambda each: -each[0])
    boxes = [instance.box for _, instance in found]
    return tuple(
        BoxView(
            key,
            "label",
            labels[0].name,
            confidence,
            instance.box,
            is_twin=any(iou(instance.box, other) > _SAME_PLACE for other in boxes[:index]),
            by_people=instance.state != LabelState.PREDICTED,
        )
        for index, (confidence, instance) in enumerate(found)
    )


def _percentage(fraction: float) -> str:
    return f"{100 * fraction:.3f}%"


def _each_once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
