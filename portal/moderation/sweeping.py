"""Moderation's part of the sweep: changes of the vocabulary that nobody takes on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal.images.workers import by_lambda
from portal.moderation.models import VocabularyChange
from portal.moderation.tasks import follow_change
from portal.moderation.vocabulary.following import SILENCE, follow

# So that who sweeps on the way does not keep people waiting.
_SECONDS = 1.0
# A task comes at once, unless its worker was killed.
_LATE = timedelta(seconds=30)


def on_swept(**_signal: Any) -> None:
    """Receives portal.images.signals.swept."""
    resume()


def resume() -> int:
    """Set changes going again that images have not followed to the end. Returns how many."""
    now = timezone.now()
    idle = Q(beat_at=None, made_at__lt=now - _LATE) | Q(claim=None, beat_at__lt=now - _LATE)
    idle |= Q(beat_at__lt=now - SILENCE)
    changes = VocabularyChange.objects.filter(idle, finished_at=None).order_by("made_at")
    ids = [str(pk) for pk in changes.values_list("pk", flat=True)[:100]]
    return _follow_first(ids) if by_lambda() else _enqueue_again(ids)


def _follow_first(ids: list[str]) -> int:
    for change_id in ids[:1]:
        follow(change_id, _SECONDS)
    return len(ids[:1])


def _enqueue_again(ids: list[str]) -> int:
    waiting = DBTaskResult.objects.ready().filter(task_path=follow_change.module_path)
    known = set(waiting.filter(args_kwargs__args__0__in=ids).values_list("args_kwargs__args__0", flat=True))
    lost = [change_id for change_id in ids if change_id not in known]
    for change_id in lost:
        follow_change.enqueue(change_id)
    return len(lost)
