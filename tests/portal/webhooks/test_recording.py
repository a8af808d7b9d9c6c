"""Attempts that are reported more than once, late, and out of order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from portal.accounts.models import User
from portal.webhooks.announcing import send_test
from portal.webhooks.models import Delivery, State
from portal.webhooks.recording import record_attempt
from tests.portal.webhooks.conftest import MakeWebhook


@pytest.fixture
def delivery(owner: User, make_webhook: MakeWebhook) -> Delivery:
    return send_test(make_webhook(owner))


def report(delivery: Delivery, attempt: int, status_code: int | None = 500, **values: Any) -> bool:
    known = record_attempt(
        delivery.pk,
        **{
            "attempt": attempt,
            "at": timezone.now(),
            "status_code": status_code,
            "problem": "" if status_code == 200 else "It failed.",
            "duration_ms": 5,
            "answer": "answer",
            "given_up": False,
            **values,
        },
    )
    delivery.refresh_from_db()
    return known


def test_an_attempt_is_recorded_once(delivery: Delivery) -> None:
    assert report(delivery, 1)
    due = delivery.next_at
    assert report(delivery, 1)
    assert (delivery.state, delivery.attempts, delivery.log.count()) == (State.PENDING, 1, 1)
    assert delivery.next_at == due


def test_a_success_counts_though_its_number_is_known(delivery: Delivery) -> None:
    """Sent again while an attempt was being made, two have the same number."""
    report(delivery, 1)
    assert report(delivery, 1, 200)
    assert (delivery.state, delivery.next_at, delivery.log.count()) == (State.SUCCEEDED, None, 1)


def test_an_old_success_that_is_reported_again_is_not_that_of_a_redelivery(delivery: Delivery) -> None:
    report(delivery, 1, 200)
    assert delivery.renew()
    report(delivery, 1, 200)
    assert delivery.state == State.PENDING


def test_a_delivery_that_is_not_known_any_more_is_said_so(delivery: Delivery) -> None:
    delivery.pk = uuid4()
    assert not record_attempt(
        delivery.pk,
        attempt=1,
        at=timezone.now(),
        status_code=200,
        problem="",
        duration_ms=1,
        answer="",
        given_up=False,
    )


def test_a_success_stays_one_whatever_is_heard_later(delivery: Delivery) -> None:
    report(delivery, 2, 200)
    report(delivery, 1, 500)
    report(delivery, 3, 500, given_up=True)
    assert (delivery.state, delivery.attempts, delivery.next_at) == (State.SUCCEEDED, 3, None)


def test_the_next_attempt_is_foretold(delivery: Delivery) -> None:
    at = timezone.now()
    report(delivery, 2, at=at)
    report(delivery, 1, at=at - timedelta(minutes=1))
    assert delivery.next_at == at + timedelta(minutes=5)


def test_the_last_attempt_ends_it(delivery: Delivery) -> None:
    report(delivery, 7, None, given_up=True)
    report(delivery, 6)
    assert (delivery.state, delivery.next_at) == (State.FAILED, None)


def test_an_end_of_an_earlier_series_does_not_end_this_one(delivery: Delivery) -> None:
    report(delivery, 8)
    report(delivery, 7, given_up=True)
    assert delivery.state == State.PENDING


def test_an_answer_of_410_turns_the_webhook_off(delivery: Delivery) -> None:
    report(delivery, 1, 410)
    assert delivery.state == State.FAILED
    delivery.webhook.refresh_from_db()
    assert not delivery.webhook.active


def test_what_is_too_long_or_cannot_be_stored_is_cut(delivery: Delivery) -> None:
    report(delivery, 1, problem="p" * 1000, answer="a\0" * 1000)
    attempt = delivery.log.get()
    assert (len(attempt.problem), len(attempt.answer)) == (255, 500)
