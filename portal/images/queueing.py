"""Putting images in the queue. The row's state is the truth; a task, or S3's event, only says: this is worth a look."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from portal.committing import on_commit_robustly
from portal.images.buckets import copy_onto_themselves
from portal.images.models import FlagVerdict, Image, Status
from portal.images.signals import image_settled
from portal.images.tasks import recognize_image
from portal.images.workers import by_lambda

# Settled images, and those whose file has just arrived.
_MAY_BE_QUEUED = (Status.AWAITING_UPLOAD, Status.RECOGNIZED, Status.FAILED)
# How long a request may take for copying; the sweep does the rest.
_COPYING_SECONDS = 5.0

FILE_MISSING = "file_missing"
FILE_IS_MISSING = "The file of this image is not in our storage any more."
RESULT_STAYS = f"{FILE_IS_MISSING} So it cannot be recognised again; what was found stays."


@transaction.atomic
def queue(image: Image) -> bool:
    """Queue an image whose bytes are stored. False when it already waits or is being recognised, or is gone."""
    queued = _set_queued(image)
    if queued:
        send_queued([image])
    return queued


def queue_arrived(image: Image) -> bool:
    """Queue an image whose upload has just ended: on S3 that was the event already."""
    return _set_queued(image) if by_lambda() else queue(image)


def send_queued(images: Iterable[Image]) -> None:
    """Say once more that these queued images are worth a look, when the transaction under way is committed."""
    if by_lambda():
        on_commit_robustly(send_events, list(images), _COPYING_SECONDS)
        return
    for image in images:
        recognize_image.enqueue(str(image.pk))


def recognize_again(image: Image) -> bool:
    """Have the stored original recognised once more; earlier recognitions are kept.

    False when there is nothing to do: it is queued or being recognised already, or its file never arrived, or was
    removed by a moderator.
    """
    return image.status != Status.AWAITING_UPLOAD and queue(image)


@transaction.atomic
def recognize_all_again(images: Iterable[Image]) -> int:
    """`recognize_again` for many; returns how many were queued."""
    queued = [image for image in images if image.status != Status.AWAITING_UPLOAD and _set_queued(image)]
    send_queued(queued)
    return len(queued)


def send_events(images: list[Image], within: float, again_after: timedelta | None = None) -> int:
    """Copy originals onto themselves, which S3 announces as it does an upload. Returns how many were copied.

    What could not be copied within so many seconds is due at once for the next sweep, and what has no file fails. What
    was copied is due again after `again_after`, or without it when the sweep finds that it has waited for too long.
    What has a result already keeps it: a stack may let S3 remove originals after some time.
    """
    copied = copy_onto_themselves([image.upload_key for image in images], within) if images else {}
    now = timezone.now()
    waiting = Image.objects.filter(status=Status.QUEUED)
    of = {outcome: [image.pk for image in images if copied.get(image.upload_key) is outcome] for outcome in _OUTCOMES}
    waiting.filter(pk__in=of[None]).update(not_before=now)
    if again_after is not None:
        waiting.filter(pk__in=of[True]).update(not_before=now + again_after)
    for image in waiting.filter(pk__in=of[False]):
        _fail_without_file(image)
    return len(of[True])


_OUTCOMES = (True, False, None)


@transaction.atomic
def _fail_without_file(image: Image) -> None:
    waiting = Image.objects.filter(pk=image.pk, status=Status.QUEUED)
    if waiting.filter(current__isnull=False).update(
        status=Status.RECOGNIZED,
        not_before=None,
        failure_code=FILE_MISSING,
        failure_message=RESULT_STAYS,
        failure_permanent=True,
    ):
        return
    failed = waiting.update(
        status=Status.FAILED, failure_code=FILE_MISSING, failure_message=FILE_IS_MISSING, failure_permanent=True
    )
    if failed:
        image.refresh_from_db()
        image_settled.send(Image, image=image)


def _set_queued(image: Image) -> bool:
    stored = Image.objects.exclude(verdict=FlagVerdict.REMOVED)
    queued = stored.filter(pk=image.pk, status__in=_MAY_BE_QUEUED).update(
        status=Status.QUEUED,
        queued_at=timezone.now(),
        not_before=None,
        attempts=0,
        failure_code="",
        failure_message="",
        failure_permanent=False,
    )
    return bool(queued)
