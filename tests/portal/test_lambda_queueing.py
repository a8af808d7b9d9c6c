"""Where S3's events start recognition: an original copied onto itself is one, and the sweep repeats what got lost."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from botocore.exceptions import ClientError
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal.accounts.leaving import delete_account
from portal.accounts.models import User
from portal.images import buckets, sweeping_along
from portal.images.deletion import delete_images
from portal.images.models import Hold, Image, Status, StorageDeletion
from portal.images.queueing import queue, recognize_again, recognize_all_again
from portal.images.sweeping import go_on, sweep
from tests.conftest import MakeImage
from tests.portal.test_s3_storage import BUCKETS, REGION, keys, s3, s3_address

__all__ = ["s3", "s3_address"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _by_lambda(s3: Any, settings: Any) -> None:
    settings.RECOGNIZED_BY = "lambda"


@pytest.fixture
def events(s3: Any, s3_address: str) -> Any:
    """The keys that S3 has announced since the last call."""
    import boto3

    sqs = boto3.client("sqs", endpoint_url=s3_address, region_name=REGION)
    url = sqs.create_queue(QueueName="recognize")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    wanted = {"QueueArn": arn, "Events": ["s3:ObjectCreated:Copy"]}
    s3.put_bucket_notification_configuration(
        Bucket=BUCKETS["uploads"], NotificationConfiguration={"QueueConfigurations": [wanted]}
    )

    def announced() -> int:
        found = 0
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found += "ObjectCreated" in message["Body"]
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    announced()
    yield announced
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def settled(owner: User, stored_image: MakeImage) -> Image:
    return stored_image(owner, status=Status.RECOGNIZED)


def test_recognising_again_queues_the_row_and_announces_the_original(settled: Image, events: Any) -> None:
    assert recognize_again(settled)
    settled.refresh_from_db()
    assert settled.status == Status.QUEUED
    assert events() == 1
    assert not recognize_again(settled), "it waits already"
    assert events() == 0
    assert not DBTaskResult.objects.exists(), "nobody would ever take a task"


def test_many_are_announced_from_one_request(owner: User, stored_image: MakeImage, events: Any) -> None:
    images = [stored_image(owner, f"{n}".encode(), status=Status.FAILED) for n in range(12)]
    assert recognize_all_again(images) == 12
    assert events() == 12


def test_an_original_that_is_gone_fails_at_once_with_a_sentence(settled: Image, s3: Any) -> None:
    s3.delete_object(Bucket=BUCKETS["uploads"], Key=settled.upload_key)
    recognize_again(settled)
    settled.refresh_from_db()
    assert (settled.status, settled.failure_code) == (Status.FAILED, "file_missing")
    assert settled.failure_message.endswith(".")


def test_a_copy_that_s3_refuses_is_repeated_by_the_next_sweep(
    settled: Image, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any) -> bool:
        answer: Any = {"Error": {"Code": "SlowDown"}, "ResponseMetadata": {"HTTPStatusCode": 503}}
        raise ClientError(answer, "CopyObject")

    with monkeypatch.context() as refusing:
        refusing.setattr(buckets, "_copy", refuse)
        recognize_again(settled)
    settled.refresh_from_db()
    assert settled.status == Status.QUEUED
    assert sweep().orphaned_images == 1
    assert events() == 1
    assert sweep().orphaned_images == 0, "it was announced a moment ago"


def test_what_waits_for_an_hour_without_a_result_is_announced_again_once_an_hour(settled: Image, events: Any) -> None:
    queue(settled)
    assert sweep().orphaned_images == 0
    Image.objects.update(queued_at=timezone.now() - timedelta(minutes=61))
    assert sweep().orphaned_images == 1
    assert sweep().orphaned_images == 0
    Image.objects.update(not_before=timezone.now())
    assert sweep().orphaned_images == 1
    assert events() == 3


def test_the_oldest_come_first_and_not_all_at_once(
    owner: User, stored_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.images.sweeping_buckets.REPEATED_AT_ONCE", 2)
    for hours in (2, 4, 3):
        image = stored_image(owner, str(hours).encode())
        Image.objects.filter(pk=image.pk).update(queued_at=timezone.now() - timedelta(hours=hours))
    assert sweep().orphaned_images == 2
    [left] = Image.objects.filter(not_before=None)
    assert timezone.now() - left.queued_at < timedelta(hours=2.5)  # type: ignore[operator]


def test_what_waits_for_a_budget_is_not_announced(settled: Image, events: Any, settings: Any) -> None:
    settings.DETECTORS, settings.MONTHLY_BUDGET_USD = ("rekognition",), 0
    queue(settled)
    Image.objects.update(hold=Hold.STACK_BUDGET, queued_at=timezone.now() - timedelta(days=1))
    assert events() == 1
    assert sweep().orphaned_images == 0
    assert events() == 0


def test_deleting_empties_the_buckets_within_the_request(owner: User, stored_image: MakeImage, s3: Any) -> None:
    image = stored_image(owner, status=Status.RECOGNIZED)
    note = f"derived/{owner.pk}/contents/{image.sha256}/{'c' * 16}"
    for key in (image.preview_key, f"{image.derived_prefix}/results/a.json", note):
        storages["derived"].save(key, ContentFile(b"x"))
    delete_images(Image.objects.filter(pk=image.pk))
    assert keys(s3, BUCKETS["uploads"]) == keys(s3, BUCKETS["derived"]) == []


def test_what_is_known_of_a_content_stays_as_long_as_another_image_has_it(
    owner: User, stored_image: MakeImage, s3: Any
) -> None:
    first, second = (stored_image(owner, status=Status.RECOGNIZED) for _ in range(2))
    note = f"derived/{owner.pk}/contents/{first.sha256}/{'c' * 16}"
    storages["derived"].save(note, ContentFile(b"x"))
    delete_images(Image.objects.filter(pk=first.pk))
    assert keys(s3, BUCKETS["derived"]) == [note]
    delete_images(Image.objects.filter(pk=second.pk))
    assert keys(s3, BUCKETS["derived"]) == []


def test_more_than_a_request_can_erase_is_left_to_the_sweep(
    owner: User, stored_image: MakeImage, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.images.tasks.ERASING_SECONDS", -1.0)
    stored_image(owner, status=Status.RECOGNIZED)
    delete_account(owner)
    assert keys(s3, BUCKETS["uploads"]) != []
    assert sweep().erased_paths > 0
    assert keys(s3, BUCKETS["uploads"]) == []
    assert not StorageDeletion.objects.filter(not_before__lte=timezone.now()).exists()


def test_a_folder_of_thousands_is_erased_in_a_few_requests(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(25):
        s3.put_object(Bucket=BUCKETS["derived"], Key=f"derived/1/{number}", Body=b"x")
    s3.put_object(Bucket=BUCKETS["derived"], Key="derived/10/0", Body=b"x")
    monkeypatch.setattr(buckets, "_DELETED_AT_ONCE", 10)
    assert buckets.erase("derived", "derived/1", time.monotonic() + 60)
    assert keys(s3, BUCKETS["derived"]) == ["derived/10/0"]


def test_a_sweep_on_the_way_happens_once_in_five_minutes(client: Client, owner: User, monkeypatch: Any) -> None:
    call_command("createcachetable", verbosity=0)
    cache.clear()
    swept: list[float] = []
    monkeypatch.setattr(sweeping_along, "sweep", swept.append)
    monkeypatch.setattr(sweeping_along, "_LOOKED_EVERY_SECONDS", 0.0)
    client.force_login(owner)
    for _ in range(3):
        client.get(reverse("images:history"))
    assert swept == [1.0]
    cache.clear()
    client.get("/healthz")
    client.get(reverse("images:history"))
    assert len(swept) == 2


def test_a_sweep_that_fails_on_the_way_costs_nobody_their_page(client: Client, owner: User, monkeypatch: Any) -> None:
    call_command("createcachetable", verbosity=0)
    cache.clear()
    sweeping_along._looked.clear()

    def fail(_within: float) -> None:
        raise RuntimeError("S3 is away")

    monkeypatch.setattr(sweeping_along, "sweep", fail)
    client.force_login(owner)
    assert client.get(reverse("images:history")).status_code == 200


def test_going_on_erases_nothing(settled: Image, s3: Any) -> None:
    StorageDeletion.objects.create(storage="uploads", path=settled.upload_key)
    Image.objects.update(status=Status.QUEUED, queued_at=timezone.now() - timedelta(hours=2))
    assert go_on(5) == 1
    assert keys(s3, BUCKETS["uploads"]) == [settled.upload_key]


def test_ready_without_any_worker_and_nobody_is_told_of_one(client: Client, owner: User) -> None:
    assert client.get("/readyz").json() == {"ready": True, "database": "ok", "storage": "ok"}
    client.force_login(owner)
    assert client.get(reverse("images:updates"), {"ids": "", "format": "json"}).json()["worker_alive"] is True


def test_a_form_that_is_still_valid_brings_nothing_back(owner: User, stored_image: MakeImage, s3: Any) -> None:
    """S3 takes the file once more, whatever became of its image."""
    image = stored_image(owner, status=Status.RECOGNIZED)
    delete_images(Image.objects.filter(pk=image.pk))
    storages["uploads"].save(image.upload_key, ContentFile(b"again"))
    form_is_over = timezone.now() + timedelta(minutes=71)
    with mock.patch("portal.images.erasing.timezone.now", return_value=form_is_over):
        sweep()
    assert keys(s3, BUCKETS["uploads"]) == []


def test_who_waits_for_money_alone_is_to_ask_rarely(client: Client, owner: User, settings: Any) -> None:
    client.force_login(owner)
    asked = {"ids": "", "format": "json"}
    assert client.get(reverse("images:updates"), asked).json()["held_again_seconds"] >= 1800
    settings.RECOGNIZED_BY = "worker"
    assert client.get(reverse("images:updates"), asked).json()["held_again_seconds"] is None
