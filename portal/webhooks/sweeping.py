"""The webhooks' part of the sweep: deliveries that got stuck, and those that nobody looks at any more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal.images.workers import by_lambda
from portal.webhooks.models import Delivery, due_before
from portal.webhooks.tasks import deliver, put_out

KEPT_FOR = timedelta(days=30)
# A task comes when it is due, unless its worker was killed.
_LATE = timedelta(seconds=30)
# What the function outside reports may be under way for long, when the database sleeps or mail piles up.
_UNHEARD_OF = timedelta(hours=1)
_AT_ONCE = 100


def on_swept(**_signal: Any) -> None:
    """Receives portal.images.signals.swept."""
    resume_due()
    forget_old()


def resume_due() -> int:
    """Set deliveries going again whose next attempt is overdue. Returns how many."""
    return _put_out_again() if by_lambda() else _enqueue_again()


def _enqueue_again() -> int:
    due = due_before(timezone.now() - _LATE).order_by("next_at")
    ids = [str(delivery_id) for delivery_id in due.values_list("pk", flat=True)[:_AT_ONCE]]
    # A task that waits for its time was made for an attempt that was given up meanwhile.
    waiting = DBTaskResult.objects.ready().filter(task_path=deliver.module_path)
    known = set(waiting.filter(args_kwargs__args__0__in=ids).values_list("args_kwargs__args__0", flat=True))
    lost = [delivery_id for delivery_id in ids if delivery_id not in known]
    for delivery_id in lost:
        deliver.enqueue(delivery_id)
    return len(lost)


def _put_out_again() -> int:
    now = timezone.now()
    again = 0
    for delivery in due_before(now - _UNHEARD_OF).select_related("webhook").order_by("next_at")[:_AT_ONCE]:
        mine = Delivery.objects.filter(pk=delivery.pk, next_at=delivery.next_at)
        if mine.update(next_at=now, attempts_before=F("attempts")):
            delivery.attempts_before = delivery.attempts
            put_out(delivery)
            again += 1
    return again


def forget_old() -> int:
    """Delete deliveries, with their attempts, that are older than 30 days. Returns how many."""
    old = Delivery.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).order_by()
    ids = list(old.values_list("pk", flat=True)[:1000])
    Delivery.objects.filter(pk__in=ids).delete()
    return len(ids)
