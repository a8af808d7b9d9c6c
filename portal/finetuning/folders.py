"""The files of a model version as a folder of this machine."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.files.storage import storages

from portal.finetuning.models import ModelVersion
from portal.images import buckets


def local_folder(version: ModelVersion, part: str) -> Path | None:
    """`model` or `torch` of a version; None when its files are gone.

    Where the `derived` storage is a bucket, they are fetched once and kept beside the other models of this machine.
    """
    key = f"{version.folder}/{part}"
    if not buckets.on_s3("derived"):
        folder = Path(storages["derived"].path(key))
        return folder if folder.is_dir() else None
    kept: Path = settings.MODELS_DIR / "custom" / str(version.pk) / part
    return kept if kept.is_dir() or _fetch(key, kept) else None


def _fetch(key: str, kept: Path) -> bool:
    """Fetch all files under `key`, whole or not at all. Whether there were any."""
    names = storages["derived"].listdir(key)[1]
    if not names:
        return False
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as unfinished:
        arrived = Path(unfinished) / kept.name
        arrived.mkdir()
        for name in names:
            with storages["derived"].open(f"{key}/{name}") as stored, (arrived / name).open("wb") as file:
                shutil.copyfileobj(stored, file)
        try:
            arrived.rename(kept)
        except OSError:  # another worker has fetched them just now
            return kept.is_dir()
    return True
