"""Where trainings on this machine work, and what is tidied away there."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from portal.finetuning.models import ModelVersion, VersionState, file_name

DATA: Final = "data"
RUN: Final = "run"
RESULT: Final = "result"
_UNDER_WAY: Final = (VersionState.QUEUED, VersionState.TRAINING)
# As in a bucket: infra/storage.py.
_MAY_GO_ON: Final = timedelta(days=30)


def workplaces() -> Path:
    """The folder of all of them."""
    folder: Path = settings.DATA_DIR / "training"
    return folder


def workplace(version_id: UUID) -> Path:
    """That of one training: `data`, `run` and `errors.txt`."""
    return workplaces() / str(version_id)


def tidy() -> None:
    """Remove what trainings left that are over for good: their worker was killed before it could.

    One that failed or was stopped may go on from its checkpoint for a month; no picture is kept for it.
    """
    folders = {folder.name: folder for folder in workplaces().glob("*-*-*-*-*") if folder.is_dir()}
    if not folders:
        return
    lately = Q(beat_at__gt=timezone.now() - _MAY_GO_ON)
    kept = ModelVersion.objects.filter(lately | Q(state__in=_UNDER_WAY), pk__in=list(folders))
    states = {str(pk): state for pk, state in kept.exclude(state=VersionState.READY).values_list("pk", "state")}
    for name, folder in folders.items():
        if name not in states:
            shutil.rmtree(folder, ignore_errors=True)
        elif states[name] not in _UNDER_WAY:
            for pictures in (folder / DATA, folder / RUN / RESULT):
                shutil.rmtree(pictures, ignore_errors=True)


def remove_pictures(hashes: Iterable[str]) -> None:
    """Remove these pictures from whatever is being trained on this machine."""
    names = [file_name(sha256) for sha256 in hashes]
    for folder in workplaces().glob(f"*/{DATA}"):
        for name in names:
            (folder / name).unlink(missing_ok=True)
