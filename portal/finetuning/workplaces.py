"""Where trainings on this machine work, and what is tidied away there."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings

from portal.finetuning.models import ModelVersion, VersionState, file_name

DATA: Final = "data"


def workplaces() -> Path:
    """The folder of all of them."""
    folder: Path = settings.DATA_DIR / "training"
    return folder


def workplace(version_id: UUID) -> Path:
    """That of one training: `data`, `run` and `errors.txt`."""
    return workplaces() / str(version_id)


def tidy() -> None:
    """Remove what trainings left that are over for good: their worker was killed before it could."""
    folders = {folder.name: folder for folder in workplaces().glob("*-*-*-*-*") if folder.is_dir()}
    if not folders:
        return
    kept = ModelVersion.objects.filter(pk__in=list(folders)).exclude(state=VersionState.READY)
    for gone in folders.keys() - {str(pk) for pk in kept.values_list("pk", flat=True)}:
        shutil.rmtree(folders[gone], ignore_errors=True)


def remove_pictures(hashes: Iterable[str]) -> None:
    """Remove these pictures from whatever is being trained on this machine."""
    names = [file_name(sha256) for sha256 in hashes]
    for folder in workplaces().glob(f"*/{DATA}"):
        for name in names:
            (folder / name).unlink(missing_ok=True)
