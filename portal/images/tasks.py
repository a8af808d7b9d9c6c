"""What the worker does: tasks in the database's queue, each safe to run any number of times."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from portal.committing import on_commit_robustly
from portal.images.erasing import erase_due
from portal.images.models import Image
from portal.images.signals import image_settled
from portal.images.workers import by_lambda, current_worker_id
from recognition.errors import RecognitionUnavailable

logger = logging.getLogger(__name__)

# How often an image may take its worker with it before it is left alone. Workers are killed for reasons of their own
# as well (a restart, a lack of memory), so this is many more than the attempts that end in an error.
LIVES = 20

GAVE_UP = "gave_up"
OUR_PROBLEM = "Recognising this image failed several times because of a problem on our side. You can try again."


# How long a request may take for erasing; the sweep does the rest.
ERASING_SECONDS = 5.0


def backoff(attempts: int) -> timedelta:
    """How long to wait after the given number of attempts: 2, 4, 8 … seconds, ten minutes at most."""
    return timedelta(seconds=min(2.0**attempts, 600.0))


def claim_period() -> timedelta:
    """How long an attempt may take before the sweep gives the image to somebody else."""
    return timedelta(seconds=2 * settings.DETECTOR_TIMEOUT_SECONDS + 60)


def recognize_claimed(image: Image, claim: UUID) -> None:
    """As in portal.images.recognizing, which is loaded by workers alone: elsewhere its libraries may be missing."""
    from portal.images import recognizing

    recognizing.recognize_claimed(image, claim)


@task()
def recognize_image(image_id: str) -> None:
    """Recognise a queued image. Does nothing when it is not queued any more: tasks may come twice."""
    image = Image.objects.filter(pk=image_id).first()
    if image is None:
        return
    claim = image.take(current_worker_id(), timezone.now() + claim_period())
    if claim is None:
        return
    if image.attempts > LIVES:
        _give_up(image, claim, OUR_PROBLEM)
        return
    try:
        recognize_claimed(image, claim)
    except RecognitionUnavailable as error:
        logger.warning("attempt %d at image %s found no detector available: %s", image.attempts, image.pk, error)
        retry_later(image, claim, f"Recognising this image failed several times. {error} You can try again.")
    except Exception:
        logger.exception("attempt %d at image %s failed", image.attempts, image.pk)
        retry_later(image, claim, OUR_PROBLEM)


def retry_later(image: Image, claim: UUID, message: str) -> None:
    """Queue a failed attempt again with a growing wait, or give up after the last one, with `message` for the owner."""
    if image.attempts >= settings.RECOGNITION_ATTEMPTS:
        _give_up(image, claim, message)
        return
    wait = backoff(image.attempts)
    with transaction.atomic():
        if image.put_back(claim, wait):
            recognize_image.using(run_after=timezone.now() + wait).enqueue(str(image.pk))


@transaction.atomic
def _give_up(image: Image, claim: UUID, message: str) -> None:
    if image.give_up(claim, GAVE_UP, message):
        image.refresh_from_db()
        image_settled.send(Image, image=image)


@task()
def erase_stored() -> None:
    """Erase the files of whatever was deleted."""
    erase_due()


def erase_soon() -> None:
    """Have the files erased of whatever is deleted in the transaction under way."""
    if by_lambda():
        on_commit_robustly(erase_due, ERASING_SECONDS)
    else:
        erase_stored.enqueue()
