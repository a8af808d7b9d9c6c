"""Undo: everything as it was, unless something later stands on it; twice is once, and undone is done again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from portal.accounts.models import User
from portal.images.models import CurrentLabel, Image, Instance
from portal.moderation import actions
from portal.moderation.actions.snapshots import taken
from portal.moderation.deeds import Refused
from portal.moderation.models import Annotation, AuditEntry, ReviewItem, Suggestion
from recognition.result import Box
from tests.conftest import MakeImage
from tests.portal.moderation.deciding import (
    LEFT,
    NEAR_LEFT,
    RIGHT,
    a_moderator,
    box_target,
    deed,
    fresh,
    holds,
    label_target,
    recognize,
    said,
    word_target,
)


@pytest.fixture
def moderator(db: None) -> User:
    return a_moderator()


@pytest.fixture
def image(owner: User, recognized_image: MakeImage) -> Image:
    """Two dogs, and a beach."""
    image = recognized_image(owner)
    return recognize(image, said("Dog", boxes=(LEFT, RIGHT)), said("Beach", 70), minutes=10_000_000)


def everything(image: Image) -> Any:
    """All that decisions change."""
    item = ReviewItem.objects.get(image=image)
    return (
        {str(each.pk): taken(each) for each in Annotation.objects.filter(image=image)},
        set(CurrentLabel.objects.filter(image=image).values_list("name", "detector", "confidence", "state")),
        (item.completed_at, item.completed_by_id, item.suggested, item.flagged, item.score),
        (fresh(image).search_text, fresh(image).verdict),
        set(Suggestion.objects.filter(image=image).values_list("pk", "settled_at")),
    )


Doing = Callable[[Any, Image], AuditEntry]
DEEDS: dict[str, Doing] = {
    "approve": lambda d, image: actions.approve(d, box_target(image, "Dog", 1)),
    "reject": lambda d, image: actions.reject(d, label_target(image, "Beach")),
    "reject anew": lambda d, image: actions.reject(d, word_target(image)),
    "relabel": lambda d, image: actions.relabel(d, box_target(image, "Dog", 1), "Cat"),
    "relabel anew": lambda d, image: actions.relabel(d, word_target(image), "Fox"),
    "redraw": lambda d, image: actions.redraw(d, box_target(image, "Dog", 1), Box(0.5, 0.1, 0.4, 0.6)),
    "redraw anew": lambda d, image: actions.redraw(d, word_target(image), NEAR_LEFT),
    "add": lambda d, _: actions.add(d, "Ball", Box(0.4, 0.4, 0.1, 0.1)),
    "complete": lambda d, image: actions.complete(d, image.current_id),
    "allow": lambda d, _: actions.decide_flag(d, "allowed"),
    "hide": lambda d, _: actions.decide_flag(d, "hidden"),
}


@pytest.mark.parametrize("name", DEEDS)
def test_whatever_was_done_is_undone_and_done_again(image: Image, owner: User, moderator: User, name: str) -> None:
    Suggestion.objects.create(image=image, author=owner, label="Dog", kind="right")
    ReviewItem.objects.filter(image=image).update(suggested=True)
    actions.relabel(deed(a_moderator("other"), image), box_target(image, "Dog"), "Wolf")
    before = everything(image)
    entry = DEEDS[name](deed(moderator, image), image)
    after = everything(image)
    assert after != before
    undone = actions.undo(uuid4(), moderator, entry.pk)
    assert everything(image) == before
    entry.refresh_from_db()
    assert (undone.verb, entry.undone_by) == ("undo", undone)
    actions.undo(uuid4(), moderator, undone.pk)
    annotations, labels, *_ = everything(image)
    assert (annotations, labels) == after[:2]
    entry.refresh_from_db()
    assert entry.undone_by is None


def test_undoing_twice_changes_nothing(image: Image, moderator: User) -> None:
    entry = actions.approve(deed(moderator, image), box_target(image, "Dog"))
    name = uuid4()
    undone = actions.undo(name, moderator, entry.pk)
    actions.reject(deed(moderator, image), label_target(image, "Beach"))
    before = everything(image)
    assert actions.undo(name, moderator, entry.pk) == undone
    assert actions.undo(uuid4(), moderator, entry.pk) == undone
    assert everything(image) == before
    assert AuditEntry.objects.filter(verb="undo").count() == 1


def test_the_log_tells_what_is_in_force_however_often_it_was_undone_and_done_again(
    image: Image, moderator: User
) -> None:
    entries = [actions.approve(deed(moderator, image), box_target(image, "Dog"))]
    for undone in range(1, 6):
        entries.append(actions.undo(uuid4(), moderator, entries[-1].pk))
        assert Annotation.objects.filter(image=image).exists() == (undone % 2 == 0)
        for entry in entries:
            entry.refresh_from_db()
        # The last is in force, the one before is not, and so on.
        assert [entry.undone_by is None for entry in reversed(entries)] == [n % 2 == 0 for n in range(undone + 1)]


def test_what_was_reopened_is_complete_again(image: Image, moderator: User) -> None:
    actions.complete(deed(moderator, image), image.current_id)
    before = everything(image)
    entry = actions.reopen(deed(moderator, image))
    actions.undo(uuid4(), moderator, entry.pk)
    assert everything(image) == before


def refused(entry: AuditEntry, moderator: User) -> tuple[str, int]:
    with pytest.raises(Refused) as caught:
        actions.undo(uuid4(), moderator, entry.pk)
    return caught.value.code, caught.value.status


def test_what_a_later_decision_stands_on_stays(image: Image, moderator: User) -> None:
    entry = actions.relabel(deed(moderator, image), box_target(image, "Dog"), "Wolf")
    later = actions.relabel(deed(a_moderator("other"), image), word_target(image), "Fox")
    before = everything(image)
    assert refused(entry, moderator) == ("decided_since", 409)
    assert everything(image) == before
    actions.undo(uuid4(), moderator, later.pk)
    actions.undo(uuid4(), moderator, entry.pk)
    assert ("Dog", "onnx", "predicted") in holds(image)


def test_what_somebody_has_completed_since_stays(image: Image, moderator: User) -> None:
    entry = actions.reject(deed(moderator, image), box_target(image, "Dog"))
    complete = actions.complete(deed(moderator, image))
    assert refused(entry, moderator) == ("decided_since", 409)
    actions.undo(uuid4(), moderator, complete.pk)
    actions.undo(uuid4(), moderator, entry.pk)
    assert not Annotation.objects.exists()


def test_a_removal_cannot_be_undone(image: Image, moderator: User) -> None:
    earlier = actions.approve(deed(moderator, image), box_target(image, "Dog"))
    entry = actions.decide_flag(deed(moderator, image), "removed")
    assert refused(entry, moderator) == refused(earlier, moderator) == ("removed", 410)


def test_looks_and_deeds_that_are_not_there_cannot_be_undone(image: Image, moderator: User) -> None:
    look = AuditEntry.objects.create(actor=moderator, actor_name="m", verb="looked", image=image, image_uuid=image.pk)
    assert refused(look, moderator) == refused(AuditEntry(), moderator) == ("not_found", 404)


def test_ones_own_deed_can_be_undone_when_the_image_is_not_seen_any_more(
    image: Image, moderator: User, settings: Any
) -> None:
    mine = actions.approve(deed(moderator, image), box_target(image, "Dog"))
    theirs = actions.reject(deed(a_moderator("other"), image), label_target(image, "Beach"))
    settings.MODERATION_SEES = "shared"
    assert refused(theirs, moderator) == ("not_found", 404)
    actions.undo(uuid4(), moderator, mine.pk)
    assert ("Dog", "onnx", "predicted") in holds(image)


def test_people_who_are_no_moderators_undo_nothing(image: Image, owner: User, moderator: User) -> None:
    entry = actions.approve(deed(moderator, image), box_target(image, "Dog"))
    assert refused(entry, owner) == ("forbidden", 403)


def test_an_author_who_has_left_is_not_brought_back(image: Image, moderator: User) -> None:
    other = a_moderator("other")
    actions.approve(deed(other, image), box_target(image, "Dog"))
    entry = actions.reject(deed(moderator, image), word_target(image))
    other.delete()
    actions.undo(uuid4(), moderator, entry.pk)
    assert Annotation.objects.get().author is None
    assert ("Dog", "onnx", "approved") in holds(image)


def test_decisions_outlive_a_recognition_and_are_undone_all_the_same(image: Image, moderator: User) -> None:
    entry = actions.reject(deed(moderator, image), box_target(image, "Dog"))
    recognize(image, said("Dog", boxes=(NEAR_LEFT,)), minutes=20_000_000)
    assert holds(image) == set()
    actions.undo(uuid4(), moderator, entry.pk)
    assert holds(image) == {("Dog", "onnx", "predicted")}


def test_a_batch_is_undone_in_one_go_except_where_somebody_decided_since(
    owner: User, recognized_image: MakeImage, moderator: User
) -> None:
    images = [recognized_image(owner, f"{number}.jpg") for number in range(3)]
    batch, name = uuid4(), uuid4()
    actions.in_bulk(moderator, batch, "relabel", list(Instance.objects.values_list("pk", flat=True)), "Wolf")
    actions.relabel(deed(a_moderator("other"), images[0]), word_target(images[0]), "Fox")
    assert actions.undo_batch(name, moderator, batch) == 2
    assert [holds(image) for image in images] == [{("Fox", "people", "corrected")}] + [
        {("Dog", "onnx", "predicted")}
    ] * 2
    assert actions.undo_batch(name, moderator, batch) == 2
    assert AuditEntry.objects.filter(verb="undo").count() == 2
    assert actions.undo_batch(uuid4(), moderator, name) == 2, "and done again"
    assert holds(images[1]) == {("Wolf", "people", "corrected")}
    assert AuditEntry.objects.filter(batch=batch, undone_by=None).count() == 3


def test_a_batch_that_is_not_there_is_refused(moderator: User) -> None:
    with pytest.raises(Refused):
        actions.undo_batch(uuid4(), moderator, uuid4())
