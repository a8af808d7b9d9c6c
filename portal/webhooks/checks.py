"""System checks of what webhooks may reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags, register


@register(Tags.security, deploy=True)
def check_private_addresses(app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Nobody on a server's portal can have it call the machines beside it."""
    if not settings.WEBHOOKS_ALLOW_PRIVATE:
        return []
    hint = "Leave WEBHOOKS_ALLOW_PRIVATE out: it is for trying webhooks on a laptop."
    message = "Everybody who can sign in can have the portal call private addresses."
    return [checks.Warning(message, hint=hint, id="imagesift.W025")]
