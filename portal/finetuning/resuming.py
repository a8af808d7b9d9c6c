"""The sweep's part for what goes on with models: whatever nobody is at is gone on with."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from portal.finetuning.models import SILENCE, DifferenceRun, Repeat, RepeatState, SnapshotState
from portal.finetuning.repeating import step
from portal.finetuning.shadow_tasks import find_differences
from portal.images.workers import by_lambda


def on_swept(**_signal: Any) -> None:
    """Receives portal.images.signals.swept."""
    for repeat_id in Repeat.objects.filter(state=RepeatState.RUNNING).values_list("pk", flat=True):
        step(repeat_id)
    if not by_lambda():
        _take_up_differences()


def _take_up_differences() -> None:
    silent = DifferenceRun.objects.filter(state=SnapshotState.BUILDING, beat_at__lt=timezone.now() - SILENCE)
    for run_id in list(silent.values_list("pk", flat=True)[:10]):
        with transaction.atomic():
            # Until it is silent for as long again, nobody else asks.
            if silent.filter(pk=run_id).update(claim=None, beat_at=timezone.now()):
                find_differences.enqueue(str(run_id))
