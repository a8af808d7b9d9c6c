"""Complete: what is shown is right, and nothing else is in the image. And reopen: look at it once more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from portal.images.models import Label, LabelState
from portal.moderation.actions.desk import Desk
from portal.moderation.actions.performing import perform
from portal.moderation.actions.targets import Found, key_of, word_on
from portal.moderation.deeds import Deed, Refused
from portal.moderation.models import AuditEntry, ReviewItem, Suggestion, Verb
from portal.moderation.truth import Prediction, Truth
from portal.moderation.weighing import truth_of
from recognition.result import Result


def complete(deed: Deed, recognition_id: int | None = None) -> AuditEntry:
    """Approve all predictions that are shown and not decided on, and say that there is nothing else.

    In an image that was completed before, new ones are refused: a person had said that there is nothing else. What its
    owner had suggested is settled. Raises Refused when its recognition is another than the one that the person saw.
    """

    def change(desk: Desk) -> str:
        if desk.item is None or desk.image.current is None:
            raise Refused("not_recognized", "This photo was not recognised yet.", 409)
        if recognition_id is not None and desk.image.current.pk != recognition_id:
            raise Refused(
                "recognized_again", "The photo was recognised again meanwhile. Look at what was found now.", 409
            )
        _decide_all(desk, desk.image.current.result)
        _settle_suggestions(desk)
        set_completed(desk, desk.now, desk.actor.pk)
        return ""

    return perform(deed, Verb.COMPLETED, change)


def reopen(deed: Deed) -> AuditEntry:
    """Take back that nothing else is in the image; single decisions stay. Raises Refused."""

    def change(desk: Desk) -> str:
        if desk.is_completed:
            set_completed(desk, None, None)
        return ""

    return perform(deed, Verb.REOPENED, change)


def set_completed(desk: Desk, at: datetime | None, by: int | None) -> None:
    """Store, and tell, since when and by whose word nothing else is in the image."""
    desk.note("completed", completion(desk.item), [at.isoformat() if at else None, by])
    ReviewItem.objects.filter(pk=desk.image.pk).update(completed_at=at, completed_by=by)


def completion(item: ReviewItem | None) -> list[str | int | None]:
    """Since when an image is complete, and by whose word."""
    if item is None or item.completed_at is None:
        return [None, None]
    return [item.completed_at.isoformat(), item.completed_by_id]


def _decide_all(desk: Desk, result: Result) -> None:
    """One word for each prediction that is shown; a word on one stands for others that say the same at its place."""
    truth = truth_of(result, desk.said, desk.words)
    undecided = list(_undecided(desk, truth))
    labels = Label.objects.in_bulk({prediction.name for prediction in undecided}, field_name="name")
    for detector in sorted({prediction.detector for prediction in undecided}):
        by_people = {label.name.lower() for label in truth.labels if label.by_people}
        for prediction in _undecided(desk, truth):
            if prediction.detector == detector:
                found = Found(labels[prediction.name], prediction, result)
                said = word_on(desk, found)
                agrees = prediction.box is None and key_of(desk, found) in by_people
                said.state = LabelState.REJECTED if desk.is_completed and not agrees else LabelState.APPROVED
                desk.decide(said)
        # What other detectors say of the same is decided now.
        truth = truth_of(result, desk.said, desk.words)


def _undecided(desk: Desk, truth: Truth) -> Iterator[Prediction]:
    """What detectors say and people see, without a word of anybody: boxes, and labels that have none."""
    for label in truth.labels:
        for each in label.instances or (label,):
            if each.state == LabelState.PREDICTED and each.predicted and _is_shown(desk, each.predicted):
                yield each.predicted


def _is_shown(desk: Desk, prediction: Prediction) -> bool:
    word = desk.words.word(prediction.name, prediction.detector)
    return word is not None and word.is_shown(prediction.confidence)


def _settle_suggestions(desk: Desk) -> None:
    open_ones = Suggestion.objects.filter(image=desk.image, settled_at=None)
    settled = [str(pk) for pk in open_ones.values_list("pk", flat=True)]
    if settled:
        desk.note("suggestions", settled, [])
        open_ones.update(settled_at=desk.now)
    ReviewItem.objects.filter(pk=desk.image.pk).update(suggested=False)
