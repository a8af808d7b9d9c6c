"""Taking messages back that are on their way, where a function outside the network repeats them by itself."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from portal.images.erasing import owe
from portal.images.workers import by_lambda
from portal.webhooks.models import Delivery, State, Webhook
from webhooks.messages import FOLDER


def outbox_path(delivery: Delivery) -> tuple[str, str]:
    """Storage and key of a delivery's message."""
    return "derived", f"{FOLDER}/{delivery.pk}.json"


def withdraw(deliveries: QuerySet[Delivery]) -> None:
    """Have those messages erased that are not delivered yet: what the outbox does not hold is not sent again."""
    if by_lambda():
        owe(outbox_path(delivery) for delivery in deliveries.filter(state=State.PENDING).only("pk"))


@transaction.atomic
def stop(webhook: Webhook, reason: str = "") -> None:
    """Deliver nothing more, not what is on its way either. `reason` is a sentence where its owner did not ask."""
    Webhook.objects.filter(pk=webhook.pk).update(active=False, disabled_reason=reason)
    withdraw(webhook.deliveries.all())
    webhook.deliveries.filter(state=State.PENDING).update(state=State.FAILED, next_at=None)
    webhook.refresh_from_db()


def withdraw_of_deleted(instance: Webhook, **_signal: Any) -> None:
    """Receives Django's pre_delete of webhooks, those of a deleted account among them."""
    withdraw(instance.deliveries.all())
