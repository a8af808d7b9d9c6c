"""What the worker does for datasets and models; on AWS whoever comes by does it, a little at a time."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from portal.finetuning import orders
from portal.finetuning.building import advance
from portal.finetuning.models import DatasetSnapshot, ModelVersion, Place, SnapshotState, VersionState
from portal.finetuning.workplaces import tidy
from portal.images.models import WorkerHeartbeat
from portal.images.workers import by_lambda

# Worked off in a thread of its own: a training takes minutes or hours.
TRAINING_QUEUE = "training"

# Images wait meanwhile: so long at a time, and then it queues up again.
TASK_SECONDS = 20.0
# Of a sweep, which may be part of somebody's request.
SWEEP_SECONDS = 1.0
_LOOKS = 5


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


@task(queue_name=TRAINING_QUEUE)
def train_here(version_id: str) -> None:
    """Have a version trained on this machine, and watch over it to its end. Tasks may come twice."""
    # Loaded by workers alone: elsewhere its libraries may be missing.
    from portal.finetuning import training_here

    training_here.watch(version_id)


def ask_to_train(version: ModelVersion) -> None:
    """Have a version trained by a worker, once the transaction under way is done."""
    train_here.enqueue(str(version.pk))


def on_swept(**_signal: Any) -> None:
    """Receives portal.images.signals.swept: what nobody works at is gone on with."""
    if by_lambda():
        for snapshot in DatasetSnapshot.objects.filter(state=SnapshotState.BUILDING)[:1]:
            advance(snapshot.pk, SWEEP_SECONDS)
        for version in _on_sagemaker():
            orders.look(version)
        return
    for snapshot in DatasetSnapshot.objects.filter(DatasetSnapshot.abandoned())[:10]:
        with transaction.atomic():
            same = DatasetSnapshot.objects.filter(DatasetSnapshot.abandoned(), pk=snapshot.pk)
            # Until it is silent for as long again, nobody else asks.
            if same.update(claim=None, beat_at=timezone.now()):
                build_dataset.enqueue(str(snapshot.pk))
    _take_up_trainings()
    tidy()


def _on_sagemaker() -> list[ModelVersion]:
    """Some of them, drawn anew each time: one that is never heard of, or fails, keeps no other from being looked at.

    Of those whose pictures are put together, which takes a while, one comes last.
    """
    active = ModelVersion.objects.filter(
        place=Place.SAGEMAKER, state__in=[VersionState.QUEUED, VersionState.TRAINING]
    ).order_by("?")
    preparing = Q(state=VersionState.QUEUED, phase__in=orders.PREPARING)
    return [*active.exclude(preparing)[:_LOOKS], *active.filter(preparing)[:1]]


def _take_up_trainings() -> None:
    """Ask again for those that nobody watches over and no task is about."""
    abandoned = ModelVersion.objects.filter(ModelVersion.abandoned())[:10]
    known = _asked_for() if abandoned else set()
    for version in abandoned:
        with transaction.atomic():
            same = ModelVersion.objects.filter(ModelVersion.abandoned(), pk=version.pk)
            if str(version.pk) not in known and same.update(claim=None, beat_at=timezone.now()):
                ask_to_train(version)


def _asked_for() -> set[str]:
    """Ids of versions whose task waits, or is run by a worker that lives."""
    alive = set(WorkerHeartbeat.objects.values_list("worker_id", flat=True))
    asked = DBTaskResult.objects.filter(task_path=train_here.module_path)
    held = [task for task in asked.running() if task.worker_ids[-1:] and task.worker_ids[-1] in alive]
    return {task.args_kwargs["args"][0] for task in [*asked.ready(), *held]}
