"""Receivers as in tests/webhooks, and webhooks that lead to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portal.accounts.models import User
from portal.webhooks.models import Event, Webhook
from tests.webhooks.conftest import StartReceiver, receiver

__all__ = ["MakeWebhook", "StartReceiver", "make_webhook", "receiver"]

MakeWebhook = Callable[..., Webhook]


@pytest.fixture
def make_webhook(settings: Any) -> MakeWebhook:
    """Make a webhook of somebody's; machines of one's own network are let through."""
    settings.WEBHOOKS_ALLOW_PRIVATE = True

    def make(owner: User, url: str = "https://127.0.0.1:9/", **values: Any) -> Webhook:
        values = {"events": [event.value for event in Event], "portal_origin": "https://portal.example"} | values
        return Webhook.objects.create(owner=owner, url=url, **values)

    return make
