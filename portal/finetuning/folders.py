"""The files of a model version as a folder of this machine."""

from __future__ import annotations

import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.core.files.storage import storages

from portal.finetuning.models import ModelVersion
from portal.images import buckets


def local_folder(version: ModelVersion, part: str) -> Path | None:
    """`model` or `torch` of a version; None when its files are gone, or the model is not what it was.

    Where the `derived` storage is a bucket, they are fetched once and kept beside the other models of this machine.
    """
    key = f"{version.folder}/{part}"
    if not buckets.on_s3("derived"):
        folder = Path(storages["derived"].path(key))
        is_sound = is_model_of(version, folder) if part == "model" else folder.is_dir()
        return folder if is_sound else None
    kept: Path = settings.MODELS_DIR / "custom" / str(version.pk) / part
    return kept if kept.is_dir() or _fetch(key, kept) else None


def is_model_of(version: ModelVersion, folder: Path) -> bool:
    """Whether the folder holds the model that this version is, to the last byte. What was looked at once is read again
    only when a file has changed."""
    # Of the ONNX detector, which the portal on AWS does not have.
    from recognition.detectors.model_folder import MODEL_FILES

    try:
        stats = [(folder / name).stat() for name in MODEL_FILES]
    except FileNotFoundError:
        return False
    return _name_of(folder, tuple((each.st_mtime_ns, each.st_size) for each in stats)) == version.served_as


@lru_cache(maxsize=64)
def _name_of(folder: Path, _state: tuple[tuple[int, int], ...]) -> str:
    from recognition.detectors.model_folder import ModelFolder, ModelFolderError

    try:
        return ModelFolder(folder).version
    except ModelFolderError:
        return ""


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
