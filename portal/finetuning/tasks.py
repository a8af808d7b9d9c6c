"""Who builds datasets: a worker, or on AWS whoever comes by, a little at a time."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django_tasks import task

from portal.finetuning.building import advance
from portal.finetuning.models import DatasetSnapshot, SnapshotState
from portal.images.workers import by_lambda

# Images wait meanwhile: so long at a time, and then it queues up again.
TASK_SECONDS = 20.0
# Of a sweep, which may be part of somebody's request.
SWEEP_SECONDS = 1.0


@task()
def build_dataset(snapshot_id: str) -> None:
    """Build a part of a dataset, and ask for the next. Does nothing when it is built, or somebody is at it."""
    if not advance(snapshot_id, TASK_SECONDS):
        free = DatasetSnapshot.objects.filter(pk=snapshot_id, state=SnapshotState.BUILDING, claim=None)
        if free.exists():
            build_dataset.enqueue(snapshot_id)


def ask_for(snapshot: DatasetSnapshot) -> None:
    """Have it built, once the transaction under way is done. On AWS polls and sweeps do it."""
    if not by_lambda():
        build_dataset.enqueue(str(snapshot.pk))


def on_swept(**_signal: Any) -> None:
    """Receives portal.images.signals.swept: what nobody works at is gone on with."""
    if by_lambda():
        for snapshot in DatasetSnapshot.objects.filter(state=SnapshotState.BUILDING)[:1]:
            advance(snapshot.pk, SWEEP_SECONDS)
        return
    for snapshot in DatasetSnapshot.objects.filter(DatasetSnapshot.abandoned())[:10]:
        with transaction.atomic():
            same = DatasetSnapshot.objects.filter(DatasetSnapshot.abandoned(), pk=snapshot.pk)
            # Until it is silent for as long again, nobody else asks.
            if same.update(claim=None, beat_at=timezone.now()):
                build_dataset.enqueue(str(snapshot.pk))
