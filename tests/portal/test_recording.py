"""`record_result`: idempotent, in any order, whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from portal.accounts.models import User
from portal.images.models import DetectedLabel, Image, Instance, Label, Recognition, Status
from portal.images.recording import record_result
from recognition.result import Box, Failure, ModerationLabel, Text, TextKind
from recognition.result import Label as FoundLabel
from recognition.result import Status as Outcome
from tests.conftest import MakeImage, make_result

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def image(owner: User, stored_image: MakeImage) -> Image:
    return stored_image(owner)


def test_a_result_becomes_rows(image: Image) -> None:
    record_result(make_result(image, recognized_at=NOW))
    image.refresh_from_db()
    assert (image.status, image.width, image.height, image.format) == (Status.RECOGNIZED, 640, 480, "JPEG")
    assert image.recognized_at == NOW
    label = DetectedLabel.objects.get(recognition=image.current)
    assert (label.label.name, label.detector, label.confidence) == ("Dog", "onnx", 97.0)
    box = Instance.objects.get(detected_label=label)
    assert (box.left, box.top, box.width, box.height) == (0.1, 0.2, 0.3, 0.4)


def test_the_same_result_three_times_is_recorded_once(image: Image) -> None:
    result = make_result(image, recognized_at=NOW)
    first = record_result(result)
    assert record_result(result) == first
    assert record_result(result) == first
    assert Recognition.objects.count() == DetectedLabel.objects.count() == Instance.objects.count() == 1


def test_an_older_result_that_comes_late_is_kept_but_not_shown(image: Image) -> None:
    newer = record_result(make_result(image, recognized_at=NOW))
    older = make_result(image, recognized_at=NOW - timedelta(minutes=1), labels=(FoundLabel("Cat", 80, "onnx"),))
    record_result(older)
    image.refresh_from_db()
    assert image.current == newer
    assert image.recognitions.count() == 2
    assert "cat" not in image.search_text


def test_a_second_recognition_replaces_what_is_shown_and_keeps_the_first(image: Image) -> None:
    first = record_result(make_result(image, recognized_at=NOW))
    labels = (FoundLabel("Cat", 80, "onnx"),)
    second = record_result(make_result(image, recognized_at=NOW + timedelta(minutes=1), labels=labels))
    image.refresh_from_db()
    assert image.current == second
    assert set(image.recognitions.all()) == {first, second}


def test_a_failure_says_why_and_leaves_the_last_success_visible(image: Image) -> None:
    success = record_result(make_result(image, recognized_at=NOW))
    failure = make_result(
        image,
        recognized_at=NOW + timedelta(minutes=1),
        status=Outcome.FAILED,
        failure=Failure("file_missing", "The file is gone.", permanent=True),
        image=None,
        labels=(),
    )
    record_result(failure)
    image.refresh_from_db()
    assert (image.status, image.failure_code, image.failure_message) == (
        Status.FAILED,
        "file_missing",
        "The file is gone.",
    )
    assert image.failure_permanent
    assert image.current == success


def test_a_result_for_a_deleted_image_is_dropped(image: Image) -> None:
    assert record_result(replace(make_result(image), image_id=uuid4())) is None
    assert not Recognition.objects.exists()


def test_one_detector_naming_a_label_twice_keeps_the_surer_one(image: Image) -> None:
    labels = (FoundLabel("Dog", 60, "onnx"), FoundLabel("Dog", 90, "onnx"), FoundLabel("Dog", 70, "rekognition"))
    record_result(make_result(image, labels=labels))
    found = DetectedLabel.objects.values_list("detector", "confidence")
    assert set(found) == {("onnx", 90.0), ("rekognition", 70.0)}
    assert Label.objects.count() == 1


def test_what_is_shown_can_be_searched_in_any_case(image: Image) -> None:
    labels = (
        FoundLabel("Dog", 90, "onnx", parents=("Animal",), aliases=("Hound",)),
        FoundLabel("Wolf", 21, "onnx"),
    )
    box = Box(0, 0, 1, 1)
    text = (Text("Beware OF", TextKind.LINE, 90, box), Text("smudge", TextKind.LINE, 20, box))
    record_result(make_result(image, labels=labels, text=text))
    image.refresh_from_db()
    for word in ("dog", "animal", "hound", "beware of", "photo.jpg"):
        assert word in image.search_text
    assert "wolf" not in image.search_text
    assert "smudge" not in image.search_text


def test_the_surest_content_flag_marks_the_image(image: Image) -> None:
    flags = (ModerationLabel("Violence", "", 40, 1), ModerationLabel("Weapons", "Violence", 88, 2))
    record_result(make_result(image, moderation_labels=flags))
    image.refresh_from_db()
    assert image.content_flag_confidence == 88
    assert image.is_flagged
