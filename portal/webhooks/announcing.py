"""From what happened to deliveries: one for each webhook that wants to hear of it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from portal.images.models import Image, Status
from portal.webhooks.models import TEST_EVENT, Delivery, Event, Webhook
from portal.webhooks.tasks import deliver_soon

# What is older is no news: after a database was restored, results of months are recorded once more.
NEWS_FOR = timedelta(days=1)


def announce_settled(image: Image, at: datetime | None = None, **_signal: Any) -> None:
    """Tell the owner's webhooks that an image was recognised or has failed, `at` that moment or now.

    Receives portal.images.signals.image_settled: rows and tasks are made in the transaction that settles the image.
    """
    now = timezone.now()
    at = at or now
    if at < now - NEWS_FOR:
        return
    event = Event.RECOGNIZED if image.status == Status.RECOGNIZED else Event.FAILED
    for webhook in Webhook.objects.filter(owner=image.owner_id, owner__is_active=True, active=True):
        if event in webhook.events:
            _deliver(webhook, event, at, _about(image, webhook))


@transaction.atomic
def send_test(webhook: Webhook) -> Delivery:
    """Send an event that tells of nothing, so that its owner sees whether it arrives."""
    return _deliver(webhook, TEST_EVENT, timezone.now(), {"webhook": str(webhook.pk)})


@transaction.atomic
def deliver_again(delivery: Delivery) -> bool:
    """Send a delivery once more, under its old id. False while it is on its way, or its webhook is paused."""
    if not delivery.webhook.active or not delivery.renew():
        return False
    delivery.refresh_from_db()
    deliver_soon(delivery)
    return True


def _deliver(webhook: Webhook, event: str, at: datetime, data: dict[str, Any]) -> Delivery:
    body = {"type": event, "timestamp": at.isoformat().replace("+00:00", "Z"), "data": data}
    delivery = Delivery.objects.create(webhook=webhook, event=event, body=json.dumps(body))
    deliver_soon(delivery)
    return delivery


def _about(image: Image, webhook: Webhook) -> dict[str, Any]:
    failure = {"code": image.failure_code, "message": image.failure_message}
    return {
        "id": str(image.pk),
        "filename": image.filename,
        "status": image.status,
        "failure": failure if image.status == Status.FAILED else None,
        "url": f"{webhook.portal_origin}/api/v1/images/{image.pk}",
    }
