"""Recognised again, with events that come thrice and in any order: every human decision stays as it was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from random import Random

import pytest
from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import CurrentLabel, Image
from portal.images.recording import record_result
from portal.moderation import actions
from portal.moderation.actions.snapshots import taken
from portal.moderation.models import Annotation, AuditEntry, ReviewItem
from recognition.result import Box, Result
from recognition.result import Label as FoundLabel
from tests.conftest import MakeImage, make_result
from tests.portal.moderation.deciding import (
    LEFT,
    NEAR_LEFT,
    NOW,
    RIGHT,
    RUNS,
    a_moderator,
    box_target,
    deed,
    holds,
    label_target,
    said,
    truth,
)

MOVED = Box(0.05, 0.5, 0.2, 0.3)
BALL = Box(0.45, 0.8, 0.1, 0.1)
FIRST = (
    said("Dog", boxes=(LEFT, RIGHT)),
    said("Wolf", 60, "rekognition", boxes=(NEAR_LEFT,)),
    said("Bird", 80, boxes=(Box(0.1, 0.5, 0.2, 0.3),)),
    said("Beach", 70, "rekognition"),
    said("Sea", 70, "rekognition"),
)
# Other boxes, other confidences, some labels gone, some new.
AGAIN = (
    said("Dog", 75, boxes=(NEAR_LEFT, Box(0.62, 0.2, 0.3, 0.4))),
    said("Wolf", 88, "rekognition", boxes=(LEFT,)),
    said("Sea", 90, "rekognition"),
    said("Kite", 95, "faces"),
)
ONCE_MORE = (said("Dog", 20, boxes=(RIGHT,)), said("Bird", 99, boxes=(Box(0.11, 0.5, 0.2, 0.3),)))


@pytest.fixture
def moderator(db: None) -> User:
    return a_moderator()


@pytest.fixture
def image(owner: User, stored_image: MakeImage) -> Image:
    return stored_image(owner)


def result(image: Image, labels: Sequence[FoundLabel], minutes: float) -> Result:
    at = timezone.now() + timedelta(minutes=minutes)
    return make_result(image, labels=tuple(labels), recognized_at=at, detectors=RUNS)


def decide_on_everything(moderator: User, image: Image) -> None:
    actions.approve(deed(moderator, image), box_target(image, "Dog", 0))
    actions.reject(deed(moderator, image), box_target(image, "Dog", 1))
    actions.relabel(deed(moderator, image), box_target(image, "Wolf"), "Husky")
    actions.redraw(deed(moderator, image), box_target(image, "Bird"), MOVED)
    actions.approve(deed(moderator, image), label_target(image, "Beach", "rekognition"))
    actions.reject(deed(moderator, image), label_target(image, "Sea", "rekognition"))
    actions.add(deed(moderator, image), "Ball", BALL)
    actions.add(deed(moderator, image), "Summer", None)


def decisions(image: Image) -> object:
    return (
        {each.pk: taken(each) for each in Annotation.objects.filter(image=image)},
        set(AuditEntry.objects.values_list("pk", flat=True)),
        list(ReviewItem.objects.filter(image=image).values_list("completed_at", "completed_by")),
    )


DECIDED = {
    ("Dog", "onnx", "approved"),
    ("Husky", "people", "corrected"),
    ("Bird", "people", "corrected"),
    ("Beach", "rekognition", "approved"),
    ("Ball", "people", "added"),
    ("Summer", "people", "added"),
}


@pytest.mark.parametrize("seed", range(3))
def test_every_decision_stays_whatever_comes_however_often_in_any_order(
    image: Image, moderator: User, seed: int
) -> None:
    first = result(image, FIRST, -10)
    record_result(first)
    decide_on_everything(moderator, image)
    before = decisions(image)
    assert holds(image) == DECIDED

    events = [first, result(image, AGAIN, 10), result(image, ONCE_MORE, 5)] * 3
    Random(seed).shuffle(events)
    for event in events:
        record_result(event)
        assert decisions(image) == before
        assert holds(image) >= DECIDED
    assert holds(image) == DECIDED | {("Kite", "faces", "predicted")}
    boxes = {label.name: [each.box for each in label.instances] for label in truth(image).labels if label.by_people}
    assert boxes == {"Dog": [LEFT], "Husky": [NEAR_LEFT], "Bird": [MOVED], "Beach": [], "Ball": [BALL], "Summer": []}


def test_where_it_says_something_else_that_is_shown_as_a_disagreement(image: Image, moderator: User) -> None:
    record_result(result(image, FIRST, -10))
    decide_on_everything(moderator, image)
    assert truth(image).disagreements == ()
    record_result(result(image, AGAIN, 10))
    assert {(each.kind, each.name, each.detector) for each in truth(image).disagreements} == {
        ("rejected", "Dog", "onnx"),
        ("rejected", "Wolf", "rekognition"),
        ("rejected", "Sea", "rekognition"),
        ("gone", "Bird", "onnx"),
        ("gone", "Beach", "rekognition"),
    }
    assert ReviewItem.objects.get(image=image).disagreement == 100


def test_what_the_history_finds_follows_the_newest_with_peoples_words_first(image: Image, moderator: User) -> None:
    record_result(result(image, FIRST, -10))
    decide_on_everything(moderator, image)
    record_result(result(image, AGAIN, 10))
    rows = CurrentLabel.objects.filter(image=image).values_list("title", "detector", "confidence", "state")
    assert set(rows) == {
        *((title, detector, 100, state) for title, detector, state in DECIDED),
        ("Kite", "faces", 95, "predicted"),
    }
    image.refresh_from_db()
    for name in ("husky", "beach", "summer", "kite"):
        assert name in image.search_text
    for name in ("wolf", "sea"):
        assert name not in image.search_text


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_completed_image_stays_complete(image: Image, moderator: User, order: tuple[int, ...]) -> None:
    record_result(result(image, FIRST, -10))
    actions.reject(deed(moderator, image), box_target(image, "Wolf"))
    actions.complete(deed(moderator, image))
    held, before = holds(image), decisions(image)
    assert {state for _, _, state in held} == {"approved"}
    events = [result(image, FIRST, 3), result(image, AGAIN, 10), result(image, ONCE_MORE, 5)]
    for event in [events[index] for index in order] * 3:
        record_result(event)
    assert decisions(image) == before
    assert holds(image) == held
    assert {each.name for each in truth(image).disagreements if each.kind == "new"} == {"Kite"}


def test_an_older_result_that_comes_late_changes_nothing_that_is_shown(image: Image, moderator: User) -> None:
    record_result(result(image, FIRST, -10))
    decide_on_everything(moderator, image)
    rows = set(CurrentLabel.objects.values_list("name", "detector", "confidence", "state"))
    record_result(make_result(image, labels=AGAIN, recognized_at=NOW, detectors=RUNS))
    assert set(CurrentLabel.objects.values_list("name", "detector", "confidence", "state")) == rows
