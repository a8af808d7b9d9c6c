"""How many images stand before one in the queue, and when it will be its turn."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Min
from django.utils import timezone

from portal.images.models import Hold, Image, Recognition, Status

# The pace is that of these last minutes.
MEASURED = timedelta(minutes=2)
# Fewer recognitions, or in a shorter time, say nothing about the pace.
_FEWEST = 5
_SHORTEST = timedelta(seconds=5)
# Where nothing was recognised for so long, nobody knows when it will be.
_STANDSTILL = timedelta(seconds=60)
# A wait that is over before one has read of it is not worth a word.
_SHORT_WAIT_S = 10


@dataclass(frozen=True, slots=True)
class Place:
    """The place in the queue, 1 being the next, and the seconds until the image is done; None when nobody knows."""

    number: int
    seconds: float | None

    def __str__(self) -> str:
        """`Number 120 in the queue · about 25 s`."""
        words = f"Number {self.number:,} in the queue"
        return words if self.seconds is None else f"{words} · about {duration(self.seconds)}"


def duration(seconds: float) -> str:
    """A length of time in as few words as it deserves: `25 s`, `4 min`, `2 h 10 min`."""
    if seconds < 57.5:
        return f"{max(5, 5 * round(seconds / 5))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(5 * round(seconds / 300), 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def places(images: Iterable[Image]) -> dict[UUID, Place]:
    """The places of those of `images` that wait in the queue for more than a moment. At most four queries for all."""
    waiting = {
        image.pk: image.queued_at
        for image in images
        if image.status == Status.QUEUED and not image.hold and image.queued_at is not None
    }
    if not waiting:
        return {}
    first, last = min(waiting.values()), max(waiting.values())
    queue = Image.objects.filter(status=Status.QUEUED, hold=Hold.NONE).order_by()
    ahead = queue.filter(queued_at__lt=first).count()
    rows = queue.filter(queued_at__gte=first, queued_at__lt=last).values_list("queued_at", flat=True)
    between = sorted(moment for moment in rows if moment is not None)
    pace = images_per_second()
    found = {}
    for image_id, moment in waiting.items():
        number = ahead + bisect_left(between, moment) + 1
        place = Place(number, number / pace if pace else None)
        if place.seconds is None or place.seconds >= _SHORT_WAIT_S:
            found[image_id] = place
    return found


def images_per_second() -> float | None:
    """How fast images are being recognised: as measured lately, else as the settings say; None when it stands still.

    Only time in which something waited counts: an idle machine is not a slow one.
    """
    now = timezone.now()
    queue = Image.objects.filter(status=Status.QUEUED, hold=Hold.NONE).order_by()
    waited_since = queue.aggregate(oldest=Min("queued_at"))["oldest"]
    since = max(now - MEASURED, waited_since) if waited_since else now
    busy = (now - since).total_seconds()
    recognized = Recognition.objects.filter(recorded_at__gte=since).order_by().count()
    if busy >= _STANDSTILL.total_seconds():
        return recognized / busy or None
    if recognized >= _FEWEST and busy >= _SHORTEST.total_seconds():
        return recognized / busy
    return float(settings.RECOGNITIONS_PER_SECOND)
