"""What came of an attempt, from rows' side: the one way for the laptop's worker and for the function on AWS."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from portal.webhooks.models import Attempt, Delivery, State
from portal.webhooks.withdrawing import stop

GONE = 410
IS_GONE = "The server said that it does not want these any more (status 410)."
_PROBLEM_CHARACTERS = 255
_ANSWER_CHARACTERS = 500
# When nothing more is heard of a delivery that is not over, the next attempt is taken to be lost after this.
_UNHEARD_OF = timedelta(seconds=60)


@transaction.atomic
def record_attempt(
    delivery_id: UUID | str,
    *,
    attempt: int,
    at: datetime,
    status_code: int | None,
    problem: str,
    duration_ms: int,
    answer: str,
    given_up: bool,
) -> bool:
    """Note what came of an attempt, and what that makes of its delivery. False when there is no such delivery any more.

    Attempts may be reported more than once and in any order. `given_up` says that no other will follow this one. A
    delivery that has succeeded stays so.
    """
    delivery = Delivery.objects.select_for_update().filter(pk=delivery_id).first()
    if delivery is None:
        return False
    _, created = Attempt.objects.get_or_create(
        delivery=delivery,
        number=attempt,
        defaults={
            "at": at,
            "status_code": status_code,
            "problem": problem[:_PROBLEM_CHARACTERS],
            "duration_ms": duration_ms,
            "answer": answer.replace("\0", " ")[:_ANSWER_CHARACTERS],
        },
    )
    # Two attempts have one number where it was sent again while one was being made: a success counts all the same.
    if not created and (problem or attempt <= delivery.attempts_before):
        return True
    newest = attempt > delivery.attempts
    delivery.attempts = max(attempt, delivery.attempts)
    if not problem:
        delivery.state = State.SUCCEEDED
    elif delivery.state == State.PENDING and ((given_up and newest) or status_code == GONE):
        delivery.state = State.FAILED
    _schedule(delivery, at, newest=newest)
    delivery.save(update_fields=["attempts", "state", "next_at"])
    if status_code == GONE:
        stop(delivery.webhook, IS_GONE)
    return True


def _schedule(delivery: Delivery, at: datetime, *, newest: bool) -> None:
    if delivery.state != State.PENDING:
        delivery.next_at = None
    elif newest:
        delivery.next_at = at + (delivery.wait_after(delivery.attempts) or _UNHEARD_OF)
