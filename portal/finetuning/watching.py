"""Who watches over a training on this machine: one at a time, for as long as they report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.finetuning.models import TRAINING_SILENCE, ModelVersion, Place, VersionState
from portal.finetuning.tasks import ask_to_train

_ACTIVE: Final = (VersionState.QUEUED, VersionState.TRAINING)


class Lost(Exception):
    """The version is watched over by somebody else, or gone."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What others want of a training: that it stops, and that it does without images that were deleted."""

    stop_requested: bool
    images_removed: int


@dataclass(frozen=True, slots=True)
class Watch:
    """The right to change a version's row. Silent for too long, it is lost."""

    version: ModelVersion
    claim: UUID

    @classmethod
    def begun(cls, version_id: UUID | str) -> Watch | None:
        """None when the training has ended, or somebody else watches over it."""
        claim, now = uuid4(), timezone.now()
        free = Q(claim=None) | Q(beat_at__lt=now - TRAINING_SILENCE)
        waiting = ModelVersion.objects.filter(free, pk=version_id, place=Place.HERE, state__in=_ACTIVE)
        if not waiting.update(claim=claim, beat_at=now):
            return None
        return cls(ModelVersion.objects.select_related("dataset").get(pk=version_id), claim)

    def report(self, **values: Any) -> Wishes:
        """Say that we are still there, and what has changed. Raises Lost."""
        if not self._mine().update(beat_at=timezone.now(), **values):
            raise Lost
        return Wishes(*self._mine().values_list("stop_requested", "dataset__images_removed").get())

    def end(self, state: VersionState, **values: Any) -> None:
        """The training is over. Somebody else's stays as it is."""
        now = timezone.now()
        over = {"claim": None, "beat_at": now, "finished_at": now, "seconds_left": None}
        self._mine().update(**{**values, **over, "state": state})

    @transaction.atomic
    def hand_over(self) -> None:
        """Have the next worker go on."""
        if self._mine().update(state=VersionState.QUEUED, claim=None, beat_at=timezone.now(), seconds_left=None):
            ask_to_train(self.version)

    def _mine(self) -> QuerySet[ModelVersion]:
        return ModelVersion.objects.filter(pk=self.version.pk, claim=self.claim)
