"""Where a training starts: the folder of a pretrained model for PyTorch, wherever that lies."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from filelock import FileLock

from recognition.download import DownloadError, Patience, download
from training.errors import TrainingFailed

WEIGHTS: Final = "model.safetensors"
FILES: Final = ("config.json", "preprocessor_config.json", WEIGHTS)
ARCHIVE: Final = "model.tar.gz"

# Where a training's result, or a copy of it, has what the next one starts from.
_PLACES: Final = (".", "torch", "result/torch")


class StartError(TrainingFailed):
    """Why there is no model to start from, as one sentence for a person."""


@dataclass(frozen=True, slots=True)
class HubModel:
    """A repository of the Hugging Face hub at one commit."""

    repository: str
    revision: str


KNOWN: Final[Mapping[str, HubModel | Path]] = {
    # RT-DETRv2-R18 trained on COCO, 20 million weights, Apache-2.0.
    "rtdetr-v2-r18": HubModel("PekingU/rtdetr_v2_r18vd", "5650961749fa93567c0d46fc7f43ea4f9e914107"),
    # Made by this repository: four drawn shapes, for trying out.
    "tiny-shapes": Path(__file__).parent / "starts" / "tiny-shapes",
}


_PATIENCE: Final = Patience()


def resolve(start: str, cache: Path, *, patience: Patience = _PATIENCE) -> Path:
    """A folder with config.json, model.safetensors and preprocessor_config.json. Raises StartError.

    `start` is a name of KNOWN, an address `s3://bucket/…` of a folder or of a model.tar.gz, or a path to one: the
    result of a training serves as the start of the next. What is fetched is kept in `cache`.
    """
    known = KNOWN.get(start)
    if isinstance(known, HubModel):
        return _fetched(cache, start, known.revision, lambda folder: _from_hub(known, folder, patience))
    if start.startswith("s3://"):
        # Objects can change: what they are now is part of the name that they are kept under.
        listed = _listed(start)
        state = json.dumps([urlsplit(start).netloc, listed])
        return _fetched(cache, "s3", state, lambda folder: _from_s3(start, listed, folder))
    return _in(known or Path(start).expanduser(), cache)


def _in(path: Path, cache: Path) -> Path:
    """Within a folder or an archive on this machine."""
    if path.is_dir():
        for place in _PLACES:
            if all((path / place / name).is_file() for name in FILES):
                return path / place
        archive = path / ARCHIVE
    else:
        archive = path
    if not archive.is_file():
        what = f"holds neither {', '.join(FILES)} nor a {ARCHIVE}" if path.is_dir() else "is not there"
        raise StartError(f"There is nothing to start from: {path} {what}. Known starts are {', '.join(KNOWN)}.")
    about = archive.stat()
    state = f"{archive.resolve()} {about.st_size} {about.st_mtime_ns}"
    return _fetched(cache, "archive", state, lambda folder: _unpacked(archive, folder))


def _fetched(cache: Path, name: str, state: str, fetch: Callable[[Path], None]) -> Path:
    """The folder in the cache, which appears whole or not at all; several processes may ask for it at once."""
    key = f"{name}-{hashlib.sha256(state.encode()).hexdigest()[:12]}"
    final, partial = cache / "starts" / key, cache / "starts" / f".{key}.partial"
    try:
        partial.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{partial}.lock"):
            if not final.is_dir():
                partial.mkdir(exist_ok=True)
                fetch(partial)
                _verify(partial)
                partial.rename(final)
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise StartError(f"The start cannot be kept in {cache}: {error.strerror or error}.") from error
    return final


def _verify(folder: Path) -> None:
    """That the files are what they are called, and the weights are all there. Removes what is not."""
    for name in FILES:
        file = folder / name
        try:
            whole = _is_whole(file) if name == WEIGHTS else isinstance(json.loads(file.read_bytes()), dict)
        except (OSError, ValueError):
            whole = False
        if not whole:
            file.unlink(missing_ok=True)
            raise StartError(
                f"The start's {name} is missing or damaged, or something on the way answered in its place."
            )


def _is_whole(weights: Path) -> bool:
    """https://huggingface.co/docs/safetensors: a header's length in 8 bytes, the header in JSON, then the numbers."""
    with weights.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > weights.stat().st_size:
            return False
        header: dict[str, Any] = json.loads(file.read(length))
    ends = [each["data_offsets"][1] for name, each in header.items() if name != "__metadata__"]
    return bool(ends) and 8 + length + max(ends) == weights.stat().st_size


def _from_hub(model: HubModel, folder: Path, patience: Patience) -> None:
    from huggingface_hub import hf_hub_url

    for name in FILES:
        url = hf_hub_url(model.repository, name, revision=model.revision, endpoint=os.environ.get("HF_ENDPOINT"))
        try:
            download(url, folder / name, patience=patience)
        except DownloadError as error:
            raise StartError(
                f"{model.repository} could not be fetched: {error}. A start can also be a folder or lie in S3."
            ) from error


# In S3 -------------------------------------------------------------------------------------------------------------

_Listed = list[tuple[str, str, str]]


def _listed(address: str) -> _Listed:
    """(file, key, ETag) of what is wanted at this address."""
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, prefix = urlsplit(address).netloc, urlsplit(address).path.strip("/")
    try:
        pages = _s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        etags = {each["Key"]: each["ETag"] for page in pages for each in page.get("Contents", ())}
    except (BotoCoreError, ClientError) as error:
        raise StartError(f"{address} could not be looked at: {error}.") from error
    for place in (prefix, f"{prefix}/torch", f"{prefix}/result/torch"):
        keys = [(name, f"{place}/{name}".lstrip("/")) for name in FILES]
        if all(key in etags for _, key in keys):
            return [(name, key, etags[key]) for name, key in keys]
    for key in (prefix, f"{prefix}/{ARCHIVE}"):
        if key.endswith(".tar.gz") and key in etags:
            return [(ARCHIVE, key, etags[key])]
    raise StartError(f"There is nothing to start from: {address} holds neither {', '.join(FILES)} nor a {ARCHIVE}.")


def _from_s3(address: str, listed: _Listed, folder: Path) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    for name, key, _ in listed:
        try:
            _s3().download_file(urlsplit(address).netloc, key, str(folder / name))
        except (BotoCoreError, ClientError) as error:
            raise StartError(f"{address} could not be fetched: {error}.") from error
    if (folder / ARCHIVE).is_file():
        _unpacked(folder / ARCHIVE, folder)
        (folder / ARCHIVE).unlink()


def _s3() -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client("s3", config=Config(connect_timeout=8, read_timeout=30, retries={"total_max_attempts": 3}))


def _unpacked(archive: Path, folder: Path) -> None:
    """The start's files alone, from the archive's root or its torch/."""
    try:
        with tarfile.open(archive) as content:
            members = {member.name.removeprefix("./"): member for member in content if member.isfile()}
            for place in ("", "torch/", "result/torch/"):
                if all(place + name in members for name in FILES):
                    for name in FILES:
                        with (folder / name).open("wb") as target:
                            shutil.copyfileobj(content.extractfile(members[place + name]), target)  # type: ignore[arg-type]
                    return
    except (tarfile.TarError, EOFError, OSError) as error:
        raise StartError(f"{archive.name} cannot be unpacked: {error}.") from error
    raise StartError(
        f"{archive.name} holds no model for PyTorch to start from: {', '.join(FILES)} at its root or in torch/."
    )
