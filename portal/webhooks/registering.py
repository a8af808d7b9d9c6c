"""Making webhooks: a person has a few, whichever way they ask at once."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from portal.accounts.models import User
from portal.images.quotas import lock_owner
from portal.webhooks.models import Webhook

MOST = 10
HAS_ENOUGH = f"You have {MOST} webhooks, which is as many as there can be. Delete one first."


class TooManyWebhooks(Exception):
    """The person has as many as there can be."""


@transaction.atomic
def register(owner: User, url: str, events: Sequence[str], portal_origin: str) -> Webhook:
    """Make a webhook with a secret of its own. Raises TooManyWebhooks."""
    # One at a time: two requests at once must not both find a place.
    lock_owner(owner)
    if Webhook.objects.filter(owner=owner).count() >= MOST:
        raise TooManyWebhooks
    return Webhook.objects.create(owner=owner, url=url, events=list(events), portal_origin=portal_origin)
