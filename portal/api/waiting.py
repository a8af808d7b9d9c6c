"""Holding an answer until an image is settled. It keeps a thread, but no connection to the database while it sleeps."""

from __future__ import annotations

import time
from threading import BoundedSemaphore
from uuid import UUID

from django.db import connection

from portal.images.models import Image, Status

LONGEST_SECONDS = 25
EVERY_SECONDS = 0.5
# Of the web server's threads, so that there is always one for everybody else.
AT_ONCE = 4

_places = BoundedSemaphore(AT_ONCE)


def wait_until_settled(image_id: UUID, seconds: float) -> None:
    """Return when the image is recognised, failed or gone, or after so many seconds; at once when too many wait."""
    if not _places.acquire(blocking=False):
        return
    try:
        deadline = time.monotonic() + seconds
        while _is_under_way(image_id) and (left := deadline - time.monotonic()) > 0:
            if not connection.in_atomic_block:
                connection.close()
            time.sleep(min(EVERY_SECONDS, left))
    finally:
        _places.release()


def _is_under_way(image_id: UUID) -> bool:
    return Image.objects.filter(pk=image_id).exclude(status__in=(Status.RECOGNIZED, Status.FAILED)).exists()
