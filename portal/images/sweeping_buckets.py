"""The sweep's part on AWS: uploads that nobody told us of, and images whose event, or whose result, got lost."""

from __future__ import annotations

import time
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from portal.images import buckets
from portal.images.deletion import delete_images
from portal.images.models import Hold, Image, Status
from portal.images.queueing import queue_arrived, send_events

# A queued image without a result is normal for as long as a backlog drains; asking once more costs next to nothing, as
# what was recognised meanwhile is found and not paid again.
REPEATED_AFTER = timedelta(hours=1)
REPEATED_AT_ONCE = 500
# An upload may go on for a while after its form has expired.
_LATE_UPLOADS = timedelta(minutes=10)
_UPLOADS_AT_ONCE = 500


def settle_uploads(until: float) -> tuple[int, int]:
    """Look for the files of uploads that should be over: those that arrived are queued, the others' places go.

    Begins with none after time.monotonic() has passed `until`. Returns how many arrived and how many are gone.
    """
    arrived = expired = 0
    for image in _overdue():
        if time.monotonic() > until:
            break
        if buckets.stored("uploads", image.upload_key) is None:
            expired += delete_images(Image.objects.filter(pk=image.pk, status=Status.AWAITING_UPLOAD))
        elif queue_arrived(image):
            arrived += send_events([image], within=1, again_after=REPEATED_AFTER)
    return arrived, expired


def _overdue() -> list[Image]:
    now = timezone.now()
    begun = now - timedelta(seconds=settings.UPLOAD_FORM_SECONDS) - _LATE_UPLOADS
    # A renewed form has its end written down.
    ended = Q(not_before__isnull=True) | Q(not_before__lt=now - _LATE_UPLOADS)
    awaited = Image.objects.filter(ended, status=Status.AWAITING_UPLOAD, created_at__lt=begun)
    return list(awaited.order_by("created_at")[:_UPLOADS_AT_ONCE])


def repeat_events(until: float) -> int:
    """Announce images once more that have waited for an hour since they were announced last, the oldest first."""
    now = timezone.now()
    due = Q(not_before__lte=now) | Q(not_before__isnull=True, queued_at__lt=now - REPEATED_AFTER)
    waiting = Image.objects.filter(due, status=Status.QUEUED, hold=Hold.NONE).order_by("queued_at", "pk")
    return send_events(list(waiting[:REPEATED_AT_ONCE]), until - time.monotonic(), REPEATED_AFTER)
