"""The sweep: finds what got stuck, whatever the reason, and sets it going again."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from portal.images.budgets import publish_budgets
from portal.images.deletion import delete_images
from portal.images.erasing import erase_due
from portal.images.exports import tidy_exports
from portal.images.holding import release_held
from portal.images.models import Hold, Image, Status, WorkerHeartbeat
from portal.images.signals import swept
from portal.images.sweeping_buckets import repeat_events, settle_uploads
from portal.images.tasks import LIVES, recognize_image
from portal.images.workers import by_lambda

# A worker reports every few seconds; silent for this long, it is dead.
SILENCE = timedelta(seconds=60)
# A queued image without a task is normal only within the moment in which both are written.
ORPHANED_AFTER = timedelta(seconds=30)
KEEP_FINISHED_TASKS = timedelta(days=1)


@dataclass(frozen=True)
class Swept:
    """How many of each were found and dealt with."""

    abandoned_claims: int
    orphaned_images: int
    expired_uploads: int
    erased_paths: int
    arrived_uploads: int = 0
    released_images: int = 0


def sweep(within: float = inf) -> Swept:
    """Do all of it, or as much as is begun within so many seconds. Safe to run at any time, from several processes."""
    found = _sweep_buckets(time.monotonic() + within) if by_lambda() else _sweep_queue()
    swept.send_robust(Swept)
    return found


def _sweep_buckets(until: float) -> Swept:
    """Where S3's events start recognition: a lost one is repeated."""
    freed = _free_expired_claims()
    publish_budgets()
    tidy_exports()
    arrived, expired = settle_uploads(until)
    released = release_held()
    repeated = repeat_events(until)
    erased = erase_due(until - time.monotonic())
    return Swept(freed, repeated, expired, erased, arrived, released)


def go_on(within: float) -> int:
    """The part of the sweep that erases nothing: let images go on that wait in vain. Returns how many."""
    return release_held() + (repeat_events(time.monotonic() + within) if by_lambda() else 0)


def _sweep_queue() -> Swept:
    _bury_silent_workers()
    found = Swept(
        abandoned_claims=_free_expired_claims(),
        orphaned_images=_requeue_orphans(),
        expired_uploads=_drop_expired_uploads(),
        erased_paths=erase_due(),
        released_images=release_held(),
    )
    forgotten = timezone.now() - KEEP_FINISHED_TASKS
    DBTaskResult.objects.finished().filter(finished_at__lt=forgotten).delete()
    return found


@transaction.atomic
def release(worker_id: str) -> int:
    """Give back all that a worker held which is known to be dead. Returns how many images that were."""
    freed = _free(Q(claimed_by=worker_id))
    for held in DBTaskResult.objects.running():
        if held.worker_ids[-1:] == [worker_id]:
            _revive(held)
    return freed


def _revive(held: DBTaskResult[..., Any]) -> None:
    """Let another worker run the task, unless it has taken too many with it."""
    if len(held.worker_ids) > LIVES:
        held.set_failed(RuntimeError("its worker died too often"))
        return
    still_running = DBTaskResult.objects.filter(pk=held.pk, status=TaskResultStatus.RUNNING)
    still_running.update(status=TaskResultStatus.READY, started_at=None)


def _free(held: Q) -> int:
    return Image.objects.filter(held, status=Status.PROCESSING).update(
        status=Status.QUEUED, claim=None, claimed_by="", claimed_until=None, not_before=None
    )


def _bury_silent_workers() -> None:
    for worker in WorkerHeartbeat.objects.filter(beat_at__lt=timezone.now() - SILENCE):
        release(worker.worker_id)
        worker.delete()


def _free_expired_claims() -> int:
    return _free(Q(claimed_until__lt=timezone.now()))


def _requeue_orphans() -> int:
    """Queued images that are due though no task is left: a task that is due and waiting accounts for all of them."""
    now = timezone.now()
    if DBTaskResult.objects.ready().filter(task_path=recognize_image.module_path).exists():
        return 0
    due = Q(not_before__isnull=True) | Q(not_before__lt=now - ORPHANED_AFTER)
    orphans = Image.objects.filter(due, status=Status.QUEUED, hold=Hold.NONE, queued_at__lt=now - ORPHANED_AFTER)
    ids = list(orphans.values_list("pk", flat=True)[:1000])
    for image_id in ids:
        recognize_image.enqueue(str(image_id))
    return len(ids)


def _drop_expired_uploads() -> int:
    """Places reserved for files that never came: their form has expired, so they never will."""
    expired = timezone.now() - timedelta(seconds=settings.UPLOAD_FORM_SECONDS) - timedelta(minutes=10)
    return delete_images(Image.objects.filter(status=Status.AWAITING_UPLOAD, created_at__lt=expired))
