"""Each verb: what it changes, what it tells, and to whom it is refused."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.core.files.storage import storages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.accounts.models import User
from portal.images.erasing import erase_due
from portal.images.models import CurrentLabel, Image, Instance, Label, Status
from portal.images.queueing import recognize_again
from portal.moderation import actions
from portal.moderation.deeds import Refused, Target
from portal.moderation.models import Annotation, AuditEntry, ReviewItem, Suggestion
from recognition.result import Box, ModerationLabel
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
    truth,
    word_target,
)


@pytest.fixture
def moderator(db: None) -> User:
    return a_moderator()


@pytest.fixture
def image(owner: User, recognized_image: MakeImage) -> Image:
    """A dog on the left and one on the right, a wolf at the first dog's place that is less sure, and a beach."""
    image = recognized_image(owner)
    return recognize(
        image,
        said("Dog", boxes=(LEFT, RIGHT), parents=("Animal",)),
        said("Wolf", 55, "rekognition", boxes=(NEAR_LEFT,)),
        said("Beach", 70, "rekognition"),
        minutes=10_000_000,
    )


def states(image: Image, title: str) -> list[str]:
    """Of the boxes of a label that holds, from left to right."""
    boxes = [each for label in truth(image).labels if label.name == title for each in label.instances]
    return [each.state.value for each in sorted(boxes, key=lambda each: each.box.left)]


def code_of(refused: pytest.ExceptionInfo[Refused]) -> tuple[str, int]:
    return refused.value.code, refused.value.status


def test_an_approved_box_holds_by_the_word_of_a_person(image: Image, moderator: User) -> None:
    entry = actions.approve(deed(moderator, image), box_target(image, "Dog"))
    assert states(image, "Dog") == ["approved", "predicted"]
    assert (entry.verb, entry.actor, entry.actor_name, entry.subject) == ("approve", moderator, "moderator", "Dog")
    row = CurrentLabel.objects.get(image=image, name="dog")
    assert (row.state, row.confidence, row.title) == ("approved", 100, "Dog")
    word = Annotation.objects.get(image=image)
    assert (word.author, word.detector, word.detector_version, word.predicted_confidence) == (
        moderator,
        "onnx",
        "1",
        90,
    )


def test_a_rejected_box_is_gone_and_the_other_stays(image: Image, moderator: User) -> None:
    actions.reject(deed(moderator, image), box_target(image, "Dog"))
    assert states(image, "Dog") == ["predicted"]
    assert ("Dog", "onnx", "predicted") in holds(image)


def test_a_label_is_gone_with_its_last_box(image: Image, moderator: User) -> None:
    for number in range(2):
        actions.reject(deed(moderator, image), box_target(image, "Dog", number))
    assert not CurrentLabel.objects.filter(image=image, name="dog").exists()
    assert "dog" not in fresh(image).search_text
    assert [label.name for label in truth(image).rejected] == ["Dog"]


def test_a_rejected_label_takes_all_boxes_along_that_nobody_approved(image: Image, moderator: User) -> None:
    actions.approve(deed(moderator, image), box_target(image, "Dog", 1))
    actions.reject(deed(moderator, image), label_target(image, "Dog"))
    assert states(image, "Dog") == ["approved"]


def test_a_relabelled_box_is_what_the_person_says(image: Image, moderator: User) -> None:
    entry = actions.relabel(deed(moderator, image), box_target(image, "Wolf"), "  husky ")
    assert ("husky", "people", "corrected") in holds(image)
    assert "Wolf" not in {name for name, _, _ in holds(image)}
    assert entry.subject == "Wolf → husky"
    box = next(label for label in truth(image).labels if label.name == "husky").instances[0]
    assert box.predicted is not None
    assert (box.predicted.name, box.predicted.confidence) == ("Wolf", 55)


def test_a_named_label_is_one_of_the_vocabulary_whatever_its_case(image: Image, moderator: User) -> None:
    Label.objects.create(name="Canis lupus", display_name="Grey wolf", aliases=["Isegrim"])
    before = Label.objects.count()
    for text in ("GREY WOLF", "canis  lupus", "isegrim"):
        actions.relabel(deed(moderator, image), box_target(image, "Wolf"), text)
        assert ("Grey wolf", "people", "corrected") in holds(image), text
    assert Label.objects.count() == before


def test_a_merged_label_stands_for_what_it_is_merged_into_and_a_blocked_one_is_refused(
    image: Image, moderator: User
) -> None:
    husky = Label.objects.create(name="Husky")
    Label.objects.create(name="Sled dog", merged_into=husky)
    Label.objects.create(name="Cur", blocked=True)
    actions.relabel(deed(moderator, image), box_target(image, "Wolf"), "sled dog")
    assert ("Husky", "people", "corrected") in holds(image)
    with pytest.raises(Refused) as refused:
        actions.add(deed(moderator, image), "cur", None)
    assert code_of(refused) == ("blocked", 409)


def test_relabelling_back_to_what_was_predicted_approves_it(image: Image, moderator: User) -> None:
    actions.relabel(deed(moderator, image), box_target(image, "Wolf"), "Husky")
    actions.relabel(deed(moderator, image), word_target(image), "wolf")
    assert ("Wolf", "rekognition", "approved") in holds(image)
    assert Annotation.objects.count() == 1


def test_a_moved_box_lies_where_the_person_put_it(image: Image, moderator: User) -> None:
    moved = Box(0.05, 0.1, 0.4, 0.5)
    actions.redraw(deed(moderator, image), box_target(image, "Dog"), moved)
    boxes = {each.box: each.state for label in truth(image).labels if label.name == "Dog" for each in label.instances}
    assert boxes == {moved: "corrected", RIGHT: "predicted"}
    assert "animal" in fresh(image).search_text


def test_a_label_of_the_whole_image_has_no_box_to_move(image: Image, moderator: User) -> None:
    with pytest.raises(Refused) as refused:
        actions.redraw(deed(moderator, image), label_target(image, "Beach", "rekognition"), LEFT)
    assert code_of(refused) == ("no_box", 400)


def test_what_no_detector_found_is_added_with_a_box_and_without(image: Image, moderator: User) -> None:
    actions.add(deed(moderator, image), "Ball", Box(0.4, 0.4, 0.1, 0.1))
    actions.add(deed(moderator, image), "Summer", None)
    assert {("Ball", "people", "added"), ("Summer", "people", "added")} <= holds(image)
    assert "ball" in fresh(image).search_text


def test_adding_a_label_that_was_refused_brings_it_back(image: Image, moderator: User) -> None:
    actions.reject(deed(moderator, image), label_target(image, "Beach", "rekognition"))
    actions.add(deed(moderator, image), "beach", None)
    assert ("Beach", "rekognition", "approved") in holds(image)
    assert Annotation.objects.count() == 1


def test_rejecting_what_a_person_said_leaves_nothing_of_it(image: Image, moderator: User) -> None:
    actions.add(deed(moderator, image), "Ball", LEFT)
    actions.reject(deed(moderator, image), word_target(image))
    assert not {("Ball", "people", "added")} & holds(image)


def test_rejecting_a_correction_leaves_what_was_predicted_refused(image: Image, moderator: User) -> None:
    actions.relabel(deed(moderator, image), box_target(image, "Wolf"), "Husky")
    actions.reject(deed(moderator, image), word_target(image))
    assert {name for name, _, _ in holds(image)} == {"Dog", "Beach"}


def test_completing_approves_what_is_shown_and_refuses_the_rest(owner: User, image: Image, moderator: User) -> None:
    image = recognize(
        image, said("Dog", boxes=(LEFT,)), said("Dog", 80, "rekognition", boxes=(NEAR_LEFT,)), said("Cat", 30),
        minutes=20_000_000,
    )  # fmt: skip
    suggestion = Suggestion.objects.create(image=image, author=owner, label="Dog", kind="right")
    actions.complete(deed(moderator, image), image.current_id)
    assert holds(image) == {("Dog", "onnx", "approved"), ("Dog", "rekognition", "approved")}
    assert [label.name for label in truth(image).rejected] == ["Cat"]
    assert Annotation.objects.count() == 1, "one word for the dog that both detectors see"
    item = ReviewItem.objects.get(image=image)
    assert (item.completed_by, item.suggested) == (moderator, False)
    assert item.completed_at is not None
    suggestion.refresh_from_db()
    assert suggestion.settled_at is not None


def test_completing_is_refused_when_the_image_was_recognised_again(image: Image, moderator: User) -> None:
    seen = image.current_id
    recognize(image, said("Cat"), minutes=20_000_000)
    with pytest.raises(Refused) as refused:
        actions.complete(deed(moderator, image), seen)
    assert code_of(refused) == ("recognized_again", 409)
    assert not Annotation.objects.exists()


def test_completing_again_refuses_what_detectors_found_since(image: Image, moderator: User) -> None:
    actions.complete(deed(moderator, image), image.current_id)
    image = recognize(image, said("Dog", boxes=(LEFT, RIGHT)), said("Cat", 90), minutes=20_000_000)
    assert [(each.kind, each.name) for each in truth(image).disagreements if each.kind == "new"] == [("new", "Cat")]
    actions.complete(deed(moderator, image), image.current_id)
    assert Annotation.objects.filter(state="rejected").count() == 1
    assert "Cat" not in {name for name, _, _ in holds(image)}


def test_reopening_leaves_single_decisions(image: Image, moderator: User) -> None:
    actions.complete(deed(moderator, image))
    actions.reopen(deed(moderator, image))
    assert ReviewItem.objects.get(image=image).completed_at is None
    assert states(image, "Dog") == ["approved", "approved"]


def test_a_decision_on_a_box_of_an_earlier_recognition_counts(image: Image, moderator: User) -> None:
    target = box_target(image, "Dog")
    image = recognize(image, said("Dog", boxes=(NEAR_LEFT, RIGHT)), minutes=20_000_000)
    actions.reject(deed(moderator, image), target)
    assert states(image, "Dog") == ["predicted"]


def test_things_of_another_image_are_refused(
    image: Image, moderator: User, owner: User, recognized_image: MakeImage
) -> None:
    other = recognized_image(owner, "other.jpg")
    targets = (
        box_target(image, "Dog"),
        label_target(image, "Beach", "rekognition"),
        Target("annotation", str(uuid4())),
    )
    for target in (*targets, Target("instance", "x"), Target("annotation", "x")):
        with pytest.raises(Refused):
            actions.approve(deed(moderator, other), target)
    assert not Annotation.objects.exists()
    assert not AuditEntry.objects.exists()


def test_people_who_are_no_moderators_may_not_even_decide_on_their_own(image: Image, owner: User) -> None:
    with pytest.raises(Refused) as refused:
        actions.approve(deed(owner, image), box_target(image, "Dog"))
    assert code_of(refused) == ("forbidden", 403)


def test_images_that_moderators_do_not_see_are_not_there_for_them(image: Image, moderator: User, settings: Any) -> None:
    settings.MODERATION_SEES = "shared"
    with pytest.raises(Refused) as refused:
        actions.approve(deed(moderator, image), box_target(image, "Dog"))
    assert code_of(refused) == ("not_found", 404)


def test_the_same_deed_again_returns_the_first_entry_and_changes_nothing(image: Image, moderator: User) -> None:
    same = deed(moderator, image)
    target = box_target(image, "Wolf")
    first = actions.relabel(same, target, "Husky")
    decided_at = Annotation.objects.get().decided_at
    assert actions.relabel(same, target, "Husky") == first
    assert Annotation.objects.get().decided_at == decided_at
    assert AuditEntry.objects.count() == 1
    with pytest.raises(Refused) as refused:
        actions.approve(same, target)
    assert code_of(refused) == ("id_taken", 409)


# Content flags ----------------------------------------------------------------------------------------------------


def test_an_allowed_photo_is_flagged_no_more(image: Image, moderator: User) -> None:
    flags = (ModerationLabel("Violence", "", 88, 1),)
    image = recognize(image, minutes=20_000_000, moderation_labels=flags)
    assert image.is_flagged
    assert ReviewItem.objects.get(image=image).flagged
    actions.decide_flag(deed(moderator, image), "allowed")
    assert not fresh(image).is_flagged
    assert not ReviewItem.objects.get(image=image).flagged


def test_a_removed_photo_is_erased_and_never_comes_back(
    image: Image, moderator: User, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        actions.decide_flag(deed(moderator, image), "removed")
    erase_due()
    image = fresh(image)
    assert (image.status, image.failure_code, image.failure_permanent) == (Status.FAILED, "removed", True)
    assert not storages["uploads"].exists(image.upload_key)
    assert not storages["derived"].exists(image.preview_key)
    assert not CurrentLabel.objects.filter(image=image).exists()
    assert not ReviewItem.objects.filter(image=image).exists()
    assert not recognize_again(image)
    assert recognize(image, said("Cat"), minutes=20_000_000).status == Status.FAILED
    with pytest.raises(Refused) as refused:
        actions.add(deed(moderator, image), "Cat", None)
    assert code_of(refused) == ("removed", 410)


def test_only_a_verdict_is_one(image: Image, moderator: User) -> None:
    for verdict in ("", "burned"):
        with pytest.raises(Refused) as refused:
            actions.decide_flag(deed(moderator, image), verdict)
        assert code_of(refused) == ("unknown_verdict", 400)


# In bulk ----------------------------------------------------------------------------------------------------------


def many(owner: User, recognized_image: MakeImage, count: int) -> list[Image]:
    return [recognized_image(owner, f"{number}.jpg") for number in range(count)]


def all_boxes() -> list[int]:
    return list(Instance.objects.values_list("pk", flat=True))


@pytest.mark.parametrize(
    ("verb", "label", "expected"),
    [
        ("approve", None, {("Dog", "onnx", "approved")}),
        ("reject", None, set()),
        ("relabel", "wolf", {("wolf", "people", "corrected")}),
    ],
)
def test_many_boxes_are_decided_on_in_one_go(
    owner: User, recognized_image: MakeImage, moderator: User, verb: str, label: str | None, expected: Any
) -> None:
    images = many(owner, recognized_image, 3)
    batch = uuid4()
    outcome = actions.in_bulk(moderator, batch, verb, [*all_boxes(), 10**9], label)
    assert (outcome.decided, outcome.left_alone) == (3, 1)
    assert [holds(image) for image in images] == [expected] * 3
    assert AuditEntry.objects.filter(batch=batch, verb=verb).count() == 3
    again = actions.in_bulk(moderator, batch, verb, [*all_boxes(), 10**9], label)
    assert again == outcome
    assert AuditEntry.objects.count() == 3


def test_what_somebody_decided_meanwhile_is_left_alone(
    owner: User, recognized_image: MakeImage, moderator: User
) -> None:
    images = many(owner, recognized_image, 2)
    actions.reject(deed(a_moderator("other"), images[0]), box_target(images[0], "Dog"))
    outcome = actions.in_bulk(moderator, uuid4(), "approve", all_boxes())
    assert (outcome.decided, outcome.left_alone) == (1, 1)
    assert holds(images[0]) == set()


def test_two_detectors_boxes_of_one_thing_get_one_word(
    owner: User, recognized_image: MakeImage, moderator: User
) -> None:
    image = recognized_image(owner, labels=())
    recognize(image, said("Dog", boxes=(LEFT,)), said("Dog", 80, "rekognition", boxes=(NEAR_LEFT,)), minutes=10_000_000)
    outcome = actions.in_bulk(moderator, uuid4(), "approve", all_boxes())
    assert (outcome.decided, outcome.left_alone) == (2, 0)
    assert Annotation.objects.count() == 1


def test_a_hundred_images_take_as_many_statements_as_one(
    owner: User, recognized_image: MakeImage, moderator: User
) -> None:
    many(owner, recognized_image, 41)
    one, *rest = all_boxes()
    moderator.has_perm("moderation.review_images")

    def statements(instances: list[int]) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert actions.in_bulk(moderator, uuid4(), "approve", instances).decided == len(instances)
        return len([each for each in captured if not each["sql"].startswith("INSERT")])

    assert statements(rest) == statements([one])


def test_every_look_and_deed_has_its_moment(image: Image, moderator: User) -> None:
    before = timezone.now()
    entry = actions.approve(deed(moderator, image), box_target(image, "Dog"))
    assert before <= entry.at <= timezone.now()
