"""When webhooks are told of an image, and what."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.storage import storages
from django.db import transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal.accounts.models import User
from portal.images import buckets, importing, queueing
from portal.images.buckets import Stored
from portal.images.erasing import erase_due
from portal.images.models import Image, Status
from portal.images.queueing import queue, send_events
from portal.images.recording import record_result
from portal.images.tasks import OUR_PROBLEM, retry_later
from portal.webhooks.announcing import deliver_again
from portal.webhooks.models import Delivery, State, Webhook
from portal.webhooks.tasks import deliver
from portal.webhooks.withdrawing import stop
from recognition.result import Failure, Source, failed
from tests.conftest import MakeImage, make_result
from tests.portal.webhooks.conftest import MakeWebhook


@pytest.fixture
def webhook(owner: User, make_webhook: MakeWebhook) -> Webhook:
    return make_webhook(owner)


@pytest.fixture
def image(owner: User, stored_image: MakeImage) -> Image:
    return stored_image(owner)


def told() -> list[dict[str, Any]]:
    return [json.loads(delivery.body) for delivery in Delivery.objects.order_by("created_at")]


def test_a_recognised_image_is_told_of_with_its_address(webhook: Webhook, image: Image) -> None:
    at = datetime.now(UTC)
    record_result(make_result(image, recognized_at=at))
    assert told() == [
        {
            "type": "image.recognized",
            "timestamp": at.isoformat().replace("+00:00", "Z"),
            "data": {
                "id": str(image.pk),
                "filename": "photo.jpg",
                "status": "recognized",
                "failure": None,
                "url": f"https://portal.example/api/v1/images/{image.pk}",
            },
        }
    ]
    delivery = Delivery.objects.get()
    assert (delivery.webhook, delivery.state) == (webhook, State.PENDING)
    task = DBTaskResult.objects.get(task_path=deliver.module_path)
    assert (task.queue_name, task.args_kwargs["args"]) == ("webhooks", [str(delivery.pk)])


def test_a_result_that_is_a_failure_is_told_of_with_its_reason(webhook: Webhook, image: Image) -> None:
    reason = Failure("unsupported_format", "We cannot read this.", permanent=True)
    record_result(failed(image.pk, Source("uploads", image.upload_key), reason))
    (event,) = told()
    assert event["type"] == "image.failed"
    assert event["data"]["failure"] == {"code": "unsupported_format", "message": "We cannot read this."}


def test_an_image_that_is_given_up_is_told_of(webhook: Webhook, image: Image, settings: Any) -> None:
    settings.RECOGNITION_ATTEMPTS = 1
    claim = image.take("worker", timezone.now() + timedelta(minutes=1))
    assert claim is not None
    retry_later(image, claim, OUR_PROBLEM)
    (event,) = told()
    assert (event["type"], event["data"]["failure"]["code"]) == ("image.failed", "gave_up")


def test_an_attempt_that_holds_the_image_no_more_tells_nothing(webhook: Webhook, image: Image, settings: Any) -> None:
    settings.RECOGNITION_ATTEMPTS = 1
    image.take("worker", timezone.now() + timedelta(minutes=1))
    retry_later(image, uuid4(), OUR_PROBLEM)
    assert told() == []


def test_an_image_whose_file_is_gone_is_told_of(
    webhook: Webhook, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "copy_onto_themselves", lambda keys, _within: dict.fromkeys(keys, False))
    send_events([image], within=1)
    send_events([image], within=1)
    (event,) = told()
    assert event["data"]["failure"]["code"] == "file_missing"


def test_an_import_that_is_refused_is_told_of(
    webhook: Webhook, owner: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "bucket", lambda _alias: "uploads")
    settings.MAX_UPLOAD_BYTES = 5
    image = importing._image(owner, "imports/owner/a.jpg", Stored(size=6, sha256="", etag="e"))
    importing._image(owner, "imports/owner/a.jpg", Stored(size=6, sha256="", etag="e"))
    (event,) = told()
    assert (event["data"]["id"], event["data"]["failure"]["code"]) == (str(image.pk), "file_too_large")


def test_the_same_result_again_tells_nothing(webhook: Webhook, image: Image) -> None:
    result = make_result(image)
    record_result(result)
    record_result(result)
    assert len(told()) == 1


def test_an_older_result_that_comes_late_tells_nothing(webhook: Webhook, image: Image) -> None:
    record_result(make_result(image))
    record_result(make_result(image, recognized_at=datetime.now(UTC) - timedelta(hours=1)))
    assert len(told()) == 1


def test_a_known_result_that_settles_a_waiting_image_is_told_of(webhook: Webhook, image: Image) -> None:
    result = make_result(image)
    record_result(result)
    image.refresh_from_db()
    queue(image)
    record_result(result)
    assert len(told()) == 2


def test_results_of_long_ago_are_no_news(webhook: Webhook, image: Image) -> None:
    record_result(make_result(image, recognized_at=datetime.now(UTC) - timedelta(days=2)))
    image.refresh_from_db()
    assert (image.status, told()) == (Status.RECOGNIZED, [])


def test_only_webhooks_of_the_owner_that_want_to_know_are_told(
    owner: User, stranger: User, make_webhook: MakeWebhook, image: Image
) -> None:
    make_webhook(stranger)
    make_webhook(owner, active=False)
    make_webhook(owner, events=["image.failed"])
    wanting = make_webhook(owner, events=["image.recognized"])
    record_result(make_result(image))
    assert Delivery.objects.get().webhook == wanting


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_not_told_of(webhook: Webhook, image: Image) -> None:
    with transaction.atomic():
        record_result(make_result(image))
        assert len(told()) == 1
        transaction.set_rollback(True)
    assert told() == []
    assert not DBTaskResult.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_on_aws_a_message_goes_to_the_outbox_when_the_image_is_settled(
    webhook: Webhook, image: Image, settings: Any
) -> None:
    settings.RECOGNIZED_BY = "lambda"
    with transaction.atomic():
        record_result(make_result(image))
        assert not storages["derived"].exists("outbox/webhooks")
    delivery = Delivery.objects.get()
    document = json.loads(storages["derived"].open(f"outbox/webhooks/{delivery.pk}.json").read())
    assert document == {
        "schema": "imagesift.webhook/1",
        "delivery_id": str(delivery.pk),
        "url": webhook.url,
        "secret": webhook.secret,
        "body": delivery.body,
        "allow_private": True,
        "attempts_before": 0,
    }
    assert not DBTaskResult.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("undo", [stop, Webhook.delete], ids=["paused", "deleted"])
def test_on_aws_what_is_on_its_way_to_a_webhook_that_was_given_up_is_taken_back(
    webhook: Webhook, image: Image, settings: Any, undo: Callable[[Webhook], object]
) -> None:
    settings.RECOGNIZED_BY = "lambda"
    record_result(make_result(image))
    (name,) = storages["derived"].listdir("outbox/webhooks")[1]
    undo(webhook)
    erase_due()
    assert not storages["derived"].exists(f"outbox/webhooks/{name}")


@pytest.mark.django_db(transaction=True)
def test_on_aws_what_was_taken_back_can_be_sent_again(webhook: Webhook, image: Image, settings: Any) -> None:
    settings.RECOGNIZED_BY = "lambda"
    record_result(make_result(image))
    stop(webhook)
    webhook.resume()
    assert deliver_again(Delivery.objects.select_related("webhook").get())
    erase_due()
    assert len(storages["derived"].listdir("outbox/webhooks")[1]) == 1
