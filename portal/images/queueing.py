"""Putting images in the queue. The row's state is the truth; a task only says that it is worth a look."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from portal.images.models import Image, Status
from portal.images.tasks import recognize_image

# Settled images, and those whose file has just arrived.
_MAY_BE_QUEUED = (Status.AWAITING_UPLOAD, Status.RECOGNIZED, Status.FAILED)


@transaction.atomic
def queue(image: Image) -> bool:
    """Queue an image whose bytes are stored. False when it already waits or is being recognised, or is gone."""
    queued = Image.objects.filter(pk=image.pk, status__in=_MAY_BE_QUEUED).update(
        status=Status.QUEUED,
        queued_at=timezone.now(),
        not_before=None,
        attempts=0,
        failure_code="",
        failure_message="",
        failure_permanent=False,
    )
    if queued:
        recognize_image.enqueue(str(image.pk))
    return bool(queued)


def recognize_again(image: Image) -> bool:
    """Have the stored original recognised once more; earlier recognitions are kept.

    False when there is nothing to do: it is queued or being recognised already, or its file never arrived.
    """
    return image.status != Status.AWAITING_UPLOAD and queue(image)
