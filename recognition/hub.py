"""Fetching model folders from the Hugging Face hub: verified, resumable, kept in the user's cache."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from recognition.download import ANSWER_SECONDS, STALL_SECONDS, DownloadError, Patience, Progress, download

MODEL_FILE: Final = "model.onnx"
CONFIGURATION_FILES: Final = ("config.json", "preprocessor_config.json")

_SPECIFICATION = re.compile(
    r"(?P<repository>[\w-][\w.-]*/(?P<name>[\w-][\w.-]*))@(?P<revision>[0-9a-f]{40}):(?P<file>[\w.-]+(/[\w.-]+)*\.onnx)",
    re.ASCII,
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LOCK_POLL_SECONDS = 0.5


class FetchError(Exception):
    """Why a model could not be fetched, as a part of a sentence for a person."""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """One model file of one commit of a hub repository, and the SHA-256 that it must have.

    The model's `config.json` and `preprocessor_config.json` lie at the root of the same commit.
    """

    name: str
    repository: str
    revision: str
    file: str
    sha256: str

    @property
    def folder_name(self) -> str:
        return f"{self.name}-{self.revision[:12]}"


MODELS: Final[Mapping[str, ModelRef]] = {
    # RT-DETRv2-R18 trained on COCO, 80 classes, 82 MB, Apache-2.0.
    "rtdetr-v2-r18": ModelRef(
        "rtdetr-v2-r18",
        "onnx-community/rtdetr_v2_r18vd-ONNX",
        "936f90b6a476c6da4dfe053fc521af55285976ba",
        "onnx/model.onnx",
        "583a236ac21c95a7fd94f284fc21485e42355bfef82c27011ba78fbc09ee87e2",
    ),
}


def parse(specification: str, sha256: str) -> ModelRef:
    """A model that is not in MODELS, from `owner/name@commit:path/model.onnx` and its SHA-256 in hex.

    Raises ValueError with a sentence for the person who wrote it.
    """
    parts = _SPECIFICATION.fullmatch(specification)
    if parts is None or ".." in specification:
        raise ValueError(
            f"“{specification}” is neither a known model nor of the form owner/name@commit:path/model.onnx, "
            "the commit in its 40 hex digits."
        )
    if not _SHA256.fullmatch(sha256.lower()):
        raise ValueError("A model that is not in the list needs its SHA-256: 64 hex digits.")
    # Files of one commit differ by their hash; two of them must not share a folder.
    name = f"{parts['name']}-{sha256[:8]}".lower()
    return ModelRef(name, parts["repository"], parts["revision"], parts["file"], sha256.lower())


def installed(model: ModelRef, cache: Path) -> Path | None:
    """The model's folder in `cache`, or None when it was not fetched yet. Looks at names only, not at contents."""
    folder = cache / model.folder_name
    complete = all((folder / name).is_file() for name in (MODEL_FILE, *CONFIGURATION_FILES))
    return folder if complete else None


def fetch(
    model: ModelRef,
    cache: Path,
    *,
    endpoint: str | None = None,
    answer_s: float = ANSWER_SECONDS,
    stall_s: float = STALL_SECONDS,
    progress: Progress | None = None,
) -> Path:
    """The model's folder in `cache`, fetched if it is not there or not the right one.

    It appears complete or not at all. `endpoint` replaces the hub (otherwise `HF_ENDPOINT` does). The hub has
    `answer_s` seconds to begin an answer and `stall_s` to send the next bytes. `progress` hears the bytes of the model
    file that are there and its size, 0 while unknown. Several processes may call this at once: one fetches, the others
    wait for it. What arrived before a cut-off is kept for the next call. Raises FetchError.
    """
    final, partial = cache / model.folder_name, cache / f".{model.folder_name}.partial"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _Turn(cache / f".{model.folder_name}.lock", partial / MODEL_FILE, progress):
            if installed(model, cache) and _sha256(final / MODEL_FILE) == model.sha256:
                shutil.rmtree(partial, ignore_errors=True)
                return final
            partial.mkdir(exist_ok=True)
            _download_all(model, partial, endpoint, Patience(answer_s, stall_s), progress)
            shutil.rmtree(final, ignore_errors=True)
            partial.rename(final)
            return final
    except DownloadError as error:
        raise FetchError(str(error)) from error
    except OSError as error:
        raise FetchError(f"it cannot be kept in {cache}: {error.strerror or error}") from error


class _Turn:
    """Holds the lock of a model folder; while another process holds it, shows how far that one has come."""

    def __init__(self, path: Path, arriving: Path, progress: Progress | None) -> None:
        self._lock = FileLock(path)
        self._arriving = arriving
        self._progress = progress

    def __enter__(self) -> None:
        while True:
            try:
                self._lock.acquire(timeout=_LOCK_POLL_SECONDS)
            except Timeout:
                if self._progress and self._arriving.exists():
                    self._progress(self._arriving.stat().st_size, 0)
            else:
                return

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _download_all(
    model: ModelRef, folder: Path, endpoint: str | None, patience: Patience, progress: Progress | None
) -> None:
    """Fetch the three files into `folder`, the small ones first: a wrong address is noticed before 82 MB have come."""
    for name in CONFIGURATION_FILES:
        file = folder / name
        file.unlink(missing_ok=True)
        download(_address(model, name, endpoint), file, patience=patience)
        _require_json_object(file)
    file = folder / MODEL_FILE
    download(_address(model, model.file, endpoint), file, patience=patience, progress=progress)
    found = _sha256(file)
    if found != model.sha256:
        file.unlink()
        raise FetchError(
            f"the file that came is not the expected one and was deleted: its SHA-256 is {found}, not {model.sha256}"
        )


def _address(model: ModelRef, file: str, endpoint: str | None) -> str:
    # Imported here because it costs a quarter of a second, and `installed` is asked by every page of the portal.
    from huggingface_hub import hf_hub_url

    return hf_hub_url(model.repository, file, revision=model.revision, endpoint=endpoint)


def _require_json_object(file: Path) -> None:
    """A proxy's or a hotel's sign-in page comes with status 200, too."""
    try:
        content = json.loads(file.read_bytes())
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise FetchError(f"something on the way answered instead of the hub: {file.name} is not a JSON object")


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
