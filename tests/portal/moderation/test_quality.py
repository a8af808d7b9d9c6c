"""What the quality page measures: the completed images of the random sample, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import DetectedLabel, DetectorName, Image, Label, LabelState, Recognition
from portal.moderation.models import Annotation, AuditEntry, ReviewItem, Suggestion, Verb
from portal.moderation.quality.activity import backlog, decided_since, each_day, moderators, suggestions_waiting
from portal.moderation.quality.estimates import Estimates, Missed, Sample, estimate
from portal.moderation.quality.intervals import clopper_pearson
from tests.portal.bare_images import bare_images

MakeReviewed = Callable[..., list[Image]]


@pytest.fixture
def reviewed(owner: User) -> MakeReviewed:
    """Make images that were drawn and completed, unless `values` of their places in the queue say otherwise."""

    def make(count: int, **values: Any) -> list[Image]:
        images = bare_images(owner, count)
        now = timezone.now()
        for image in images:
            row = {"created_at": image.created_at, "sampled_at": now, "completed_at": now, **values}
            ReviewItem.objects.create(image=image, owner=owner, **row)
        return images

    return make


def find(image: Image, *names: str, detector: str = "onnx", version: str = "1", confidence: float = 90) -> Recognition:
    """What a version of a detector says of an image."""
    recognition = Recognition.objects.create(
        image=image,
        status="recognized",
        recognized_at=timezone.now(),
        document={"detectors": [{"name": detector, "version": version}]},
    )
    for name in names:
        label, _ = Label.objects.get_or_create(name=name)
        DetectedLabel.objects.create(recognition=recognition, label=label, detector=detector, confidence=confidence)
    return recognition


def say(image: Image, state: LabelState, name: str, **values: Any) -> Annotation:
    """What a person says."""
    label, _ = Label.objects.get_or_create(name=name)
    return Annotation.objects.create(image=image, label=label, state=state, **values)


def approve(image: Image, name: str) -> None:
    """What `onnx` says of the image and a person lets stand."""
    find(image, name)
    say(image, LabelState.APPROVED, name)


def reject(image: Image, name: str) -> None:
    """What `onnx` says of the image and a person refuses."""
    find(image, name)
    say(image, LabelState.REJECTED, name)


def counted(found: Estimates) -> dict[str, tuple[int, int]]:
    return {precision.label: (precision.right, precision.of) for precision in found.labels}


def test_a_label_is_right_where_people_let_it_stand_and_wrong_where_they_refused_or_renamed_it(
    reviewed: MakeReviewed,
) -> None:
    right, wrong, renamed, moved, left = reviewed(5)
    approve(right, "Dog")
    reject(wrong, "Dog")
    for image in (renamed, moved, left):
        find(image, "Dog")
    say(renamed, LabelState.CORRECTED, "Cat")
    say(moved, LabelState.CORRECTED, "Dog", left=0.1, top=0.1, width=0.5, height=0.5)
    # Completed, and nobody says that it is there.
    found = estimate()
    assert counted(found) == {"Dog": (2, 5)}
    (dog,) = found.labels
    assert (dog.detector, dog.version, dog.share) == ("onnx", "1", 0.4)
    assert dog.interval == clopper_pearson(2, 5)


def test_an_image_counts_once_however_many_boxes_it_has_and_is_right_if_one_of_them_stands(
    reviewed: MakeReviewed,
) -> None:
    mixed, refused = reviewed(2)
    for image in (mixed, refused):
        find(image, "Dog")
        for _ in range(5):
            say(image, LabelState.REJECTED, "Dog")
    say(mixed, LabelState.APPROVED, "Dog")
    say(mixed, LabelState.APPROVED, "Dog")
    assert counted(estimate()) == {"Dog": (1, 2)}


def test_what_was_not_drawn_or_not_completed_says_nothing(reviewed: MakeReviewed) -> None:
    for image in (*reviewed(2, sampled_at=None), *reviewed(1, completed_at=None)):
        approve(image, "Dog")
    found = estimate()
    assert found.labels == found.detectors == []
    assert found.sample == Sample(drawn=1, reviewed=0)
    approve(*reviewed(1), "Dog")
    found = estimate()
    assert counted(found) == {"Dog": (1, 1)}
    assert found.sample == Sample(drawn=2, reviewed=1)
    assert found.sample.share == 0.5


def test_predictions_that_are_not_shown_do_not_count_whatever_was_said_of_them(
    reviewed: MakeReviewed, settings: Any
) -> None:
    settings.SHOWN_CONFIDENCE = 50
    Label.objects.create(name="Rare", shown_from=20)
    Label.objects.create(name="Vague", shown_from=80)
    Label.objects.create(name="Nobody", blocked=True)
    (image,) = reviewed(1)
    for name, confidence in (("Dog", 50), ("Cat", 49.9), ("Rare", 20), ("Vague", 79), ("Nobody", 99)):
        find(image, name, version=name, confidence=confidence)
        say(image, LabelState.APPROVED, name)
    assert counted(estimate()) == {"Dog": (1, 1), "Rare": (1, 1)}


def test_versions_of_a_detector_and_detectors_are_told_apart_by_the_same_decisions(reviewed: MakeReviewed) -> None:
    one, other = reviewed(2)
    find(one, "Dog", "Cat")
    for image in (one, other):
        say(image, LabelState.APPROVED, "Dog")
    # Recognised again by a later version after people had completed it.
    find(other, "Dog", "Tree", version="2")
    find(other, "Dog", detector="rekognition", version="3.0")
    found = estimate()
    assert {(each.detector, each.version): (each.right, each.of) for each in found.detectors} == {
        ("onnx", "1"): (1, 2),
        ("onnx", "2"): (1, 2),
        ("rekognition", "3.0"): (1, 1),
    }
    assert len(found.labels) == 5
    assert all(each.interval.holds(each.share) for each in (*found.labels, *found.detectors))


def test_of_one_version_the_last_word_on_an_image_counts(reviewed: MakeReviewed) -> None:
    (image,) = reviewed(1)
    find(image, "Dog", "Cat")
    find(image, "Dog")
    say(image, LabelState.APPROVED, "Dog")
    assert counted(estimate()) == {"Dog": (1, 1)}


def test_labels_are_counted_by_what_the_vocabulary_says_they_mean(reviewed: MakeReviewed) -> None:
    car = Label.objects.create(name="Car", display_name="Motor car")
    Label.objects.create(name="Automobile", merged_into=car)
    word = Label.objects.create(name="vehicle-4")
    DetectorName.objects.create(detector="onnx", label=word, meaning=car)
    one, other, third = reviewed(3)
    approve(one, "Automobile")
    find(other, "vehicle-4", "Car")
    say(other, LabelState.APPROVED, "Car")
    find(third, "Automobile")
    say(third, LabelState.CORRECTED, "Car")
    assert counted(estimate()) == {"Motor car": (3, 3)}


def test_what_is_there_and_no_detector_says_is_counted_by_image(reviewed: MakeReviewed) -> None:
    one, other, third = reviewed(3)
    say(one, LabelState.ADDED, "Cat")
    say(one, LabelState.ADDED, "Cat")
    find(other, "Dog")
    say(other, LabelState.CORRECTED, "Cat")
    # Found, if not everywhere.
    approve(third, "Cat")
    say(third, LabelState.ADDED, "Cat")
    say(third, LabelState.ADDED, "Tree")
    assert estimate().missed == [Missed("Cat", 2), Missed("Tree", 1)]


def test_a_period_is_of_images_uploaded_in_it(reviewed: MakeReviewed) -> None:
    long_ago = timezone.now() - timedelta(days=50)
    approve(*reviewed(1), "Dog")
    reject(*reviewed(1, created_at=long_ago), "Dog")
    assert counted(estimate()) == {"Dog": (1, 2)}
    recent = estimate(timezone.now() - timedelta(days=30))
    assert counted(recent) == {"Dog": (1, 1)}
    assert recent.sample == Sample(1, 1)


def test_the_number_of_queries_does_not_grow_with_what_was_reviewed(reviewed: MakeReviewed) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            estimate()
            backlog()
            moderators()
        return len(asked)

    few = queries()
    for number, image in enumerate(reviewed(30)):
        approve(image, f"Label {number}")
        say(image, LabelState.ADDED, f"Other {number}")
    assert queries() == few <= 8


def test_the_backlog_is_what_nobody_has_completed(reviewed: MakeReviewed, owner: User) -> None:
    reviewed(3, flagged=True, suggested=True, disagreement=60)
    reviewed(2, completed_at=None)
    (image,) = reviewed(1, completed_at=None, flagged=True, disagreement=1)
    Suggestion.objects.create(image=image, author=owner, label="Dog", kind="wrong")
    Suggestion.objects.create(image=image, author=owner, label="Cat", kind="wrong", settled_at=timezone.now())
    waiting = backlog()
    assert (waiting.images, waiting.flagged, waiting.suggested, waiting.contradicting) == (3, 1, 0, 1)
    assert waiting.disagreement == pytest.approx(1 / 3)
    assert suggestions_waiting() == 1


def test_decisions_are_counted_by_person_hour_and_day_without_looks_and_what_was_undone(
    owner: User, stranger: User
) -> None:
    noon = timezone.localtime().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)

    def deed(actor: User, verb: Verb, at: Any) -> AuditEntry:
        return AuditEntry.objects.create(actor=actor, actor_name=actor.username, verb=verb, at=at)

    for minutes in (0, 1, 59, 60):
        deed(owner, Verb.APPROVED, noon + timedelta(minutes=minutes))
    deed(owner, Verb.COMPLETED, noon - timedelta(days=40))
    for verb in (Verb.LOOKED, Verb.VOCABULARY, Verb.EXPORTED, Verb.REOPENED):
        deed(owner, verb, noon)
    undone = deed(owner, Verb.REJECTED, noon)
    undone.undone_by = deed(owner, Verb.UNDONE, noon)
    undone.save()
    deed(stranger, Verb.ADDED, noon)

    busiest, other = moderators(noon - timedelta(days=30))
    assert (busiest.name, busiest.decisions, busiest.hours, busiest.an_hour) == ("owner", 4, 2, 2.0)
    assert busiest.days == {noon.date(): 4}
    assert (other.name, other.decisions, other.hours) == ("stranger", 1, 1)
    assert moderators()[0].decisions == 5
    assert decided_since(noon) == 5


def test_a_chart_has_a_place_for_every_day() -> None:
    today = timezone.localdate()
    days = each_day(today - timedelta(days=2), today, {today: 4})
    assert [count for _, count in days] == [0, 0, 4]
    assert days[0][0] == today - timedelta(days=2)
