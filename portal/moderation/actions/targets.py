"""What a target turns out to be: somebody's word, or a prediction, which somebody may have decided on already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from portal.images.models import DetectedLabel, Instance, Label, LabelState
from portal.moderation.actions.desk import Desk
from portal.moderation.deeds import Refused, Target
from portal.moderation.models import Annotation
from portal.moderation.truth import PEOPLE, Prediction
from portal.moderation.understanding import box_of, decisions
from portal.moderation.weighing import decided_boxes
from recognition.result import Box, Result

SIDES = ("left", "top", "width", "height")


@dataclass(frozen=True, slots=True)
class Found:
    """A prediction of the image, and by which result it is known."""

    label: Label
    prediction: Prediction
    result: Result

    @property
    def version(self) -> str:
        """Of the detector."""
        return next((run.version for run in self.result.detectors if run.name == self.prediction.detector), "")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is decided on: what people said of it so far, or (`is_new`) a word that yet has to be stored.

    `found` is the prediction, where one was meant.
    """

    said: Annotation
    found: Found | None = None
    is_new: bool = False


def resolve(desk: Desk, target: Target) -> Subject:
    """Raises Refused when there is no such thing in the image (any more), or when it is blocked."""
    if target.kind == "annotation":
        said = desk.annotations.get(_uuid(target.id))
        if said is None:
            raise Refused("gone", "This was taken back meanwhile. Load the page again.", 409)
        return Subject(said)
    return subject_of(desk, _instance(desk, target.id) if target.kind == "instance" else _label(desk, target.id))


def subject_of(desk: Desk, found: Found, known: Mapping[Prediction, UUID] | None = None) -> Subject:
    """A prediction with what people said of it. Raises Refused when its label is blocked.

    `known` is what `decided_boxes` says, if that is known already.
    """
    key = key_of(desk, found)
    if key is None:
        raise Refused("blocked", f"“{found.label.title}” is blocked in the vocabulary: it is in no image.", 409)
    if found.prediction.box is None:
        said = said_of_whole(desk, key)
    else:
        if known is None:
            known = decided_boxes(found.result, desk.said, desk.words)
        said = desk.annotations[known[found.prediction]] if found.prediction in known else None
    return Subject(word_on(desk, found), found, is_new=True) if said is None else Subject(said, found)


def key_of(desk: Desk, found: Found) -> str | None:
    """The title of the label that was predicted, in lower case; None when it is blocked."""
    word = desk.words.word(found.prediction.name, found.prediction.detector)
    return word.key if word else None


def said_of_whole(desk: Desk, key: str) -> Annotation | None:
    """What people said last of a label (by its title in lower case) of the whole image."""
    said = [each for each in decisions(desk.said, desk.words) if each.box is None and each.speaks_of(key)]
    return desk.annotations[said[-1].id] if said else None


def word_on(desk: Desk, found: Found) -> Annotation:
    """The first word on a prediction, yet without a state: it is what the detector means, where the detector saw it."""
    prediction = found.prediction
    said = Annotation(
        image=desk.image,
        label=meant(desk, found.label, prediction.detector),
        predicted_label=found.label,
        predicted_confidence=prediction.confidence,
        detector=prediction.detector,
        detector_version=found.version,
        state=LabelState.APPROVED,
    )
    if prediction.box is not None:
        place(said, prediction.box)
        for side in SIDES:
            setattr(said, f"predicted_{side}", getattr(prediction.box, side))
    return said


def meant(desk: Desk, label: Label, detector: str) -> Label:
    """The label of ours that a detector means by one of its own."""
    name = desk.words.meant(label.name, detector)
    return label if name == label.name else Label.objects.get(name=name)


def place(said: Annotation, box: Box) -> None:
    for side in SIDES:
        setattr(said, side, getattr(box, side))


def state_of(desk: Desk, said: Annotation) -> LabelState:
    """How what a person holds to be true relates to what was predicted."""
    told = said.predicted_label
    if told is None:
        return LabelState.ADDED
    is_same = box_of(said) == box_of(said, "predicted_") and meant(desk, told, said.detector) == said.label
    return LabelState.APPROVED if is_same else LabelState.CORRECTED


def says(desk: Desk, said: Annotation, key: str | None) -> bool:
    """Whether a person holds that label (by its title in lower case) to be true."""
    word = desk.words.word(said.label.name, PEOPLE)
    return said.state != LabelState.REJECTED and word is not None and word.key == key


def title_of(desk: Desk, label: Label) -> str:
    word = desk.words.word(label.name, PEOPLE)
    return word.title if word else label.title


def found_instances(rows: Iterable[Instance], results: dict[int, Result]) -> dict[int, Found]:
    """Boxes by their primary keys; `results` are those of their recognitions, `detected_label__label` is loaded."""
    found = {}
    for row in rows:
        of = row.detected_label
        box = Box(row.left, row.top, row.width, row.height)
        prediction = Prediction(of.label.name, of.detector, row.confidence, box)
        found[row.pk] = Found(of.label, prediction, results[of.recognition_id])
    return found


def _instance(desk: Desk, pk: str) -> Found:
    rows = Instance.objects.filter(pk=_number(pk), detected_label__recognition__image=desk.image)
    row = rows.select_related("detected_label__label", "detected_label__recognition").first()
    if row is None:
        raise _no_such()
    recognition = row.detected_label.recognition
    return found_instances([row], {recognition.pk: recognition.result})[row.pk]


def _label(desk: Desk, pk: str) -> Found:
    rows = DetectedLabel.objects.filter(pk=_number(pk), recognition__image=desk.image)
    row = rows.select_related("label", "recognition").first()
    if row is None:
        raise _no_such()
    return Found(row.label, Prediction(row.label.name, row.detector, row.confidence), row.recognition.result)


def _no_such() -> Refused:
    return Refused("not_found", "There is no such label in this image.", 404)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise _no_such() from None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _no_such() from None
