"""Images follow a change of the vocabulary in the background, in the order of their ids, some hundreds at a time.

New results know the change at once: only images that were there before need to follow. What an image becomes depends
on the vocabulary as it is and not on which change led there, so that changes may be followed in any order.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from portal.images.models import DetectedLabel, Image
from portal.moderation.effect import bring_up_to_date
from portal.moderation.loading import load_current
from portal.moderation.models import Annotation, VocabularyChange

# Changed in one transaction, which others may have to wait for.
CHUNK: Final = 500
# Looked through in one statement, however few of them have the label.
_REACH: Final = 10_000
# Whoever works at a change reports with each chunk; silent for this long, it is dead.
SILENCE: Final = timedelta(seconds=60)
# What an image is derived from. More is not read, of a hundred thousand rows.
_NEEDED: Final = ("owner_id", "created_at", "filename", "flagged", "verdict", "shared", "search_text", "current_id")
# SQLite has no queue of writers: somebody who waits must find a moment in which nobody writes.
_PAUSE_SECONDS: Final = 0.02


def follow(change_id: UUID | str, seconds: float) -> bool:
    """Let images follow a change for about so many seconds. Returns whether all have.

    Safe to call at any time by any number of processes: one works, the others return at once. What a killed one left
    is gone on with after SILENCE.
    """
    until = time.monotonic() + seconds
    claim, now = uuid4(), timezone.now()
    free = Q(claim=None) | Q(beat_at__lt=now - SILENCE)
    unfinished = VocabularyChange.objects.filter(pk=change_id, finished_at=None)
    if not unfinished.filter(free).update(claim=claim, beat_at=now):
        return not unfinished.exists()
    mine = unfinished.filter(claim=claim)
    try:
        while _follow_chunk(mine):
            if time.monotonic() > until:
                return False
            if connection.vendor == "sqlite":
                time.sleep(_PAUSE_SECONDS)
    finally:
        VocabularyChange.objects.filter(pk=change_id, claim=claim).update(claim=None)
    return not unfinished.exists()


@transaction.atomic
def _follow_chunk(mine: QuerySet[VocabularyChange]) -> bool:
    """The next images, and how far that is. False at the end, or when somebody else has taken over."""
    # Nobody takes over while this row is locked.
    change = mine.select_for_update().first()
    if change is None:
        return False
    begin = {"pk__gt": change.last_image} if change.last_image else {}
    reach = Image.objects.filter(**begin).order_by("pk").values_list("pk", flat=True)[_REACH - 1 : _REACH].first()
    end = {"pk__lte": reach} if reach else {}
    chosen = followers(change).filter(**begin, **end).order_by("pk").only(*_NEEDED)
    images = list(chosen.select_for_update()[:CHUNK])
    load_current(images)
    bring_up_to_date(images)
    is_more = len(images) == CHUNK or reach is not None
    mine.update(
        last_image=images[-1].pk if len(images) == CHUNK else reach,
        images_done=F("images_done") + len(images),
        beat_at=timezone.now(),
        finished_at=None if is_more else timezone.now(),
    )
    return is_more


def followers(change: VocabularyChange) -> QuerySet[Image]:
    """The images that a change concerns."""
    if change.kind == VocabularyChange.Kind.FLAGS:
        limits = [*change.before["flags"].values(), *change.after["flags"].values()]
        lowest = min(settings.CONTENT_FLAG_CONFIDENCE if limit is None else limit for limit in limits)
        return Image.objects.filter(content_flag_confidence__gte=lowest, current__isnull=False)
    return with_labels(list(change.labels.values_list("pk", flat=True)))


def with_labels(pks: Collection[int]) -> QuerySet[Image]:
    """The images of which a detector says one of these labels now, or a person has said one."""
    said = DetectedLabel.objects.filter(recognition=OuterRef("current"), label__in=pks)
    named = Q(label__in=pks) | Q(predicted_label__in=pks)
    return Image.objects.filter(Exists(said) | Exists(Annotation.objects.filter(named, image=OuterRef("pk"))))
