"""Rows of images without files, for tests that need many and look at none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import Image, Status


def bare_images(owner: User, count: int, **values: Any) -> list[Image]:
    """Recognised images `photo-0.jpg`, `photo-1.jpg`, …, an hour apart, newest first, unless `values` say otherwise."""
    now = timezone.now()
    made = []
    for number in range(count):
        defaults = {"status": Status.RECOGNIZED, "created_at": now - timedelta(hours=number)}
        made.append(Image(owner=owner, filename=f"photo-{number}.jpg", **{"byte_size": 1, **defaults, **values}))
    return Image.objects.bulk_create(made)
