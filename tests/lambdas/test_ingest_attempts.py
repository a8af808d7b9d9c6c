"""`ingest`: what the function `webhooks` tells of its attempts becomes the delivery log."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.pointers import DeliveryAttempt
from portal.accounts.models import User
from portal.webhooks.models import Attempt, Delivery, State, Webhook
from tests.conftest import MakeImage, make_result
from tests.lambdas.test_ingest import _by_lambda, deliver, store
from tests.portal.test_s3_storage import BUCKETS, keys, s3, s3_address
from webhooks.messages import Message

__all__ = ["_by_lambda", "s3", "s3_address"]

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
REFUSED = "The server answered with status 503."


@pytest.fixture
def webhook(owner: User) -> Webhook:
    return Webhook.objects.create(
        owner=owner,
        url="https://receiver.example/hook",
        events=["image.recognized", "image.failed"],
        portal_origin="https://photos.example",
    )


@pytest.fixture
def delivery(webhook: Webhook) -> Delivery:
    return Delivery.objects.create(webhook=webhook, event="image.recognized", body="{}")


def attempt(delivery: Delivery, **changes: Any) -> str:
    told = DeliveryAttempt(
        delivery_id=delivery.pk,
        attempt=1,
        at=NOON,
        status_code=200,
        problem="",
        duration_ms=120,
        answer="thank you",
        given_up=False,
    )
    return replace(told, **changes).to_json()


def test_an_attempt_that_succeeded_is_logged_and_ends_the_delivery(delivery: Delivery) -> None:
    assert deliver(attempt(delivery)) == []
    logged = Attempt.objects.get()
    assert (logged.number, logged.at, logged.status_code, logged.duration_ms) == (1, NOON, 200, 120)
    assert (logged.problem, logged.answer) == ("", "thank you")
    delivery.refresh_from_db()
    assert delivery.state == State.SUCCEEDED


def test_attempts_that_failed_are_logged_until_the_function_gives_up(delivery: Delivery) -> None:
    first = attempt(delivery, status_code=503, problem=REFUSED)
    last = attempt(delivery, attempt=2, at=NOON + timedelta(seconds=5), problem=REFUSED, status_code=503, given_up=True)
    assert deliver(first) == []
    delivery.refresh_from_db()
    assert delivery.state == State.PENDING
    assert deliver(last, first) == [], "and the first once more"
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (State.FAILED, 2)
    assert Attempt.objects.count() == 2


def test_an_attempt_at_a_delivery_that_is_deleted_is_done_with(delivery: Delivery) -> None:
    told = attempt(delivery)
    delivery.delete()
    assert deliver(told) == []
    assert not Attempt.objects.exists()


def test_a_result_that_comes_in_puts_a_delivery_in_the_outbox(
    s3: Any, owner: User, webhook: Webhook, stored_image: MakeImage
) -> None:
    image = stored_image(owner)
    assert deliver(store(image, make_result(image))) == []
    sent = Delivery.objects.get()
    key = f"outbox/webhooks/{sent.pk}.json"
    assert [name for name in keys(s3, BUCKETS["derived"]) if name.startswith("outbox/")] == [key]
    stored = s3.get_object(Bucket=BUCKETS["derived"], Key=key)["Body"].read()
    message = Message.from_json(stored)
    assert (message.delivery_id, message.url, message.secret) == (str(sent.pk), webhook.url, webhook.secret)
    assert str(image.pk) in message.body
