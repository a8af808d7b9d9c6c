"""Delivering: a task of the worker makes each attempt, or on AWS a function outside the network, told by the outbox."""

from __future__ import annotations

from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from portal.committing import on_commit_robustly
from portal.images.erasing import keep
from portal.images.workers import by_lambda
from portal.webhooks.models import CLAIMED_FOR, Delivery, due_before
from portal.webhooks.recording import record_attempt
from portal.webhooks.withdrawing import outbox_path
from webhooks.sending import send

# Worked off beside the images, which must not wait for anybody's slow server.
QUEUE = "webhooks"
# Others' first attempts come before these.
_REPEATED = -10


@task(queue_name=QUEUE)
def deliver(delivery_id: str) -> None:
    """Make the attempt that is due, and see to the same person's next. Tasks may come twice.

    One at a time for each person, so that somebody's slow server does not hold up everybody's: while an attempt of
    theirs is being made this does nothing, and whoever makes that one goes on with this.
    """
    delivery = Delivery.objects.select_related("webhook__owner").filter(pk=delivery_id).first()
    if delivery is None:
        return
    owner = delivery.webhook.owner
    turn = f"{__name__}.{owner.pk}"
    if not cache.add(turn, True, int(CLAIMED_FOR.total_seconds())):
        return
    try:
        if not owner.is_active:
            delivery.give_up()
        elif delivery.take():
            _attempt(delivery)
    finally:
        cache.delete(turn)
    # Only now: what comes to be due from here on finds that it is its turn.
    following = due_before(timezone.now()).filter(webhook__owner=owner).order_by("next_at").first()
    if following is not None:
        deliver.enqueue(str(following.pk))


def _attempt(delivery: Delivery) -> None:
    attempt, at = delivery.attempts + 1, timezone.now()
    outcome = send(delivery.message)
    wait = delivery.wait_after(attempt)
    with transaction.atomic():
        record_attempt(
            delivery.pk,
            attempt=attempt,
            at=at,
            status_code=outcome.status_code,
            problem=outcome.problem,
            duration_ms=outcome.duration_ms,
            answer=outcome.answer,
            given_up=wait is None,
        )
        if not outcome.succeeded and not outcome.is_gone and wait is not None:
            deliver.using(run_after=at + wait, priority=_REPEATED).enqueue(str(delivery.pk))


def deliver_soon(delivery: Delivery) -> None:
    """Have the delivery sent, once the transaction under way is committed."""
    if by_lambda():
        on_commit_robustly(put_out, delivery)
    else:
        deliver.enqueue(str(delivery.pk))


def put_out(delivery: Delivery) -> None:
    """Write the message to the outbox, from which a function outside the network sends it, with its secret."""
    content = ContentFile(delivery.message.to_json().encode())
    storage, path = outbox_path(delivery)
    # It may have been withdrawn once, and not be erased yet.
    keep([(storage, path)])
    storages[storage].save(path, content)
