"""`ingest`: results in any order and any number of times, held images, imports, and a database that is away."""

from __future__ import annotations

import io
import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone

from lambdas.ingest.handler import handle, logger
from lambdas.pointers import HeldImage, HoldReason, ResultPointer
from portal import waking
from portal.accounts.models import User
from portal.images.deletion import delete_images
from portal.images.erasing import erase_due
from portal.images.models import DetectedLabel, Hold, Image, MonthlySpend, Recognition, Status, StorageDeletion
from portal.images.replaying import replay
from portal.images.sidecars import write_sidecar
from recognition.result import DetectorRun, Failure, Label, Result
from recognition.result import Status as Outcome
from tests.conftest import MakeImage, make_result
from tests.lambdas.world import Context
from tests.portal.test_s3_storage import BUCKETS, keys, s3, s3_address

__all__ = ["s3", "s3_address"]

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _by_lambda(s3: Any, settings: Any) -> None:
    settings.RECOGNIZED_BY = "lambda"
    settings.UPLOADS_BUCKET, settings.DERIVED_BUCKET = BUCKETS["uploads"], BUCKETS["derived"]
    settings.DETECTORS = ("rekognition",)


@pytest.fixture
def image(owner: User, stored_image: MakeImage) -> Image:
    return stored_image(owner)


def store(image: Image, result: Result) -> str:
    """Write a result as `recognize` does, and return what it tells ingest."""
    name = f"{result.image.sha256[:16] if result.image else 'dead'}-{result.recognized_at:%H%M%S}.json"
    key = f"{image.derived_prefix}/results/{name}"
    storages["derived"].save(key, ContentFile(result.to_json().encode()))
    return ResultPointer(image.pk, key).to_json()


def deliver(*bodies: str) -> list[int]:
    """Hand messages over as SQS does. Returns the places of those that failed."""
    records = [{"messageId": str(place), "body": body} for place, body in enumerate(bodies)]
    answer = handle({"Records": records}, Context())
    return [int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]


def test_a_pointer_becomes_a_recognised_image(image: Image) -> None:
    assert deliver(store(image, make_result(image, recognized_at=NOON))) == []
    image.refresh_from_db()
    assert (image.status, image.recognized_at) == (Status.RECOGNIZED, NOON)
    assert DetectedLabel.objects.get().label.name == "Dog"


def test_every_message_three_times_and_shuffled_makes_the_same_history(owner: User, stored_image: MakeImage) -> None:
    images = [stored_image(owner, f"{number}".encode()) for number in range(5)]
    bodies = []
    for image in images:
        bodies.append(store(image, make_result(image, recognized_at=NOON)))
        later = make_result(image, recognized_at=NOON + timedelta(minutes=1), labels=(Label("Cat", 90, "rekognition"),))
        bodies.append(store(image, later))
    delivered = bodies * 3
    random.Random(5).shuffle(delivered)
    for start in range(0, len(delivered), 10):
        assert deliver(*delivered[start : start + 10]) == []
    assert Recognition.objects.count() == 10
    assert DetectedLabel.objects.count() == 10
    for image in Image.objects.all():
        assert image.status == Status.RECOGNIZED
        assert image.recognized_at == NOON + timedelta(minutes=1)
        assert "cat" in image.search_text


def test_a_known_result_settles_an_image_that_was_queued_again(image: Image) -> None:
    """Recognised again with nothing changed: `recognize` finds its result and only says so again."""
    told = store(image, make_result(image, recognized_at=NOON))
    deliver(told)
    Image.objects.update(status=Status.QUEUED, queued_at=timezone.now(), hold=Hold.USER_BUDGET)
    assert deliver(told) == []
    image.refresh_from_db()
    assert (image.status, image.hold) == (Status.RECOGNIZED, Hold.NONE)
    assert Recognition.objects.count() == 1


def test_an_older_known_result_settles_it_too_and_the_newest_is_shown(image: Image) -> None:
    """The detectors' settings were put back to what they had been: nobody may wait for ever."""
    older = store(image, make_result(image, recognized_at=NOON))
    failure = Failure("gave_up", "It did not work.", permanent=False)
    dead = make_result(
        image, recognized_at=NOON + timedelta(hours=1), status=Outcome.FAILED, failure=failure, labels=()
    )
    deliver(older, store(image, dead))
    Image.objects.update(status=Status.QUEUED)
    assert deliver(older) == []
    image.refresh_from_db()
    assert (image.status, image.failure_code) == (Status.FAILED, "gave_up")


def test_only_the_message_that_failed_comes_again(image: Image, owner: User, stored_image: MakeImage) -> None:
    other = stored_image(owner, b"other")
    nowhere = ResultPointer(image.pk, f"{image.derived_prefix}/results/nothing.json").to_json()
    good = store(other, make_result(other))
    assert deliver("nonsense", good, nowhere, '{"schema": "imagesift.pointer/99"}') == [0, 2, 3]
    other.refresh_from_db()
    assert other.status == Status.RECOGNIZED


def test_a_result_of_somebody_elses_image_is_not_recorded(image: Image, owner: User, stored_image: MakeImage) -> None:
    other = stored_image(owner, b"other")
    store(other, make_result(other, recognized_at=NOON))
    [name] = storages["derived"].listdir(f"{other.derived_prefix}/results")[1]
    elsewhere = ResultPointer(image.pk, f"{other.derived_prefix}/results/{name}").to_json()
    mixed = store(image, replace(make_result(image), image_id=other.pk))
    assert deliver(elsewhere, mixed) == [0, 1]
    assert not Recognition.objects.exists()


def test_what_comes_for_a_deleted_image_is_erased(image: Image, s3: Any) -> None:
    delete_images(Image.objects.all())
    told = store(image, make_result(image, recognized_at=NOON))
    note = f"derived/{image.owner_id}/contents/{image.sha256}/{'c' * 16}"
    storages["derived"].save(note, ContentFile(b"x"))
    assert deliver(told) == []
    erase_due()
    assert keys(s3, BUCKETS["uploads"]) == keys(s3, BUCKETS["derived"]) == []
    assert deliver(told) == [], "and once more, with the result gone as well"


def test_what_was_paid_for_a_deleted_image_is_counted_once(image: Image) -> None:
    call_command("createcachetable", verbosity=0)
    delete_images(Image.objects.all())
    paid = (DetectorRun("rekognition", "3.0", 9, cost_micro_usd=1000),)
    told = store(image, make_result(image, recognized_at=NOON, detectors=paid))
    assert deliver(told, told) == deliver(told) == []
    assert sorted(MonthlySpend.objects.values_list("micro_usd", flat=True)) == [1000, 1000], "theirs and everybody's"


def test_an_image_that_only_the_database_forgot_keeps_its_files(image: Image, s3: Any) -> None:
    """The database was restored from last night, and results of today still come in."""
    write_sidecar(image)
    told = store(image, make_result(image, recognized_at=NOON))
    before = keys(s3, BUCKETS["uploads"]) + keys(s3, BUCKETS["derived"])
    Image.objects.all().delete()
    assert deliver(told) == []
    erase_due()
    assert keys(s3, BUCKETS["uploads"]) + keys(s3, BUCKETS["derived"]) == before
    replay()
    assert Image.objects.get().status == Status.RECOGNIZED


def test_an_image_without_a_budget_waits_and_says_for_what(image: Image, settings: Any) -> None:
    settings.MONTHLY_BUDGET_PER_USER_USD = 0
    now = timezone.now()
    told = HeldImage(image.pk, HoldReason.USER_BUDGET, f"{now:%Y-%m}", now).to_json()
    assert deliver(told, told) == []
    image.refresh_from_db()
    assert (image.status, image.hold) == (Status.QUEUED, Hold.USER_BUDGET)
    deliver(store(image, make_result(image)))
    assert deliver(told) == []
    image.refresh_from_db()
    assert (image.status, image.hold) == (Status.RECOGNIZED, Hold.NONE), "the word of the hold was late"


def test_without_a_database_every_message_comes_again_and_nothing_is_lost(
    image: Image, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = store(image, make_result(image))
    connection.close()

    def refuse() -> None:
        raise OperationalError("connection timeout expired")

    with monkeypatch.context() as away:
        away.setattr("lambdas.ingest.handler._PATIENCE_S", 0.05)
        away.setattr(waking, "PAUSE_SECONDS", 0.01)
        away.setattr(connection, "ensure_connection", refuse)
        assert deliver(told, told) == [0, 1]
    assert not Recognition.objects.exists()
    assert deliver(told) == []
    assert Recognition.objects.count() == 1


def test_what_can_never_be_read_does_not_wake_the_database_up(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AssertionError("the database was asked")

    told = store(image, make_result(image))
    connection.close()
    with monkeypatch.context() as away:
        away.setattr(connection, "ensure_connection", refuse)
        assert deliver("{}", "no JSON") == [0, 1]
    assert deliver("{}", told) == [0]


def test_s3s_test_event_is_no_message(image: Image) -> None:
    assert deliver(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "uploads"})) == []


def test_logs_carry_the_image(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", printed)
    deliver(store(image, make_result(image)))
    [line] = [line for line in printed.getvalue().splitlines() if "a result was recorded" in line]
    logged = json.loads(line)
    assert logged["image_id"] == str(image.pk)
    assert logged["function_request_id"] == Context.aws_request_id


def test_nothing_is_left_to_erase_for_an_image_that_is_there(image: Image) -> None:
    deliver(store(image, make_result(image)), ResultPointer(uuid4(), f"derived/1/{uuid4()}/results/a.json").to_json())
    assert not StorageDeletion.objects.exists()
