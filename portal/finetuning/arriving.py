"""What a training job has left in the bucket, put where every part of the portal finds it."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from django.core.files.storage import storages

from portal.finetuning.copies import copy, keys_under
from portal.finetuning.documents import belongs, check
from portal.finetuning.models import ModelVersion
from portal.finetuning.outgoing import run_folder
from portal.finetuning.problems import CannotTrain

_ABOUT: Final = "imagesift.json"
# In the order in which recognition/detectors/model_folder.py hashes them: a test compares the two.
_HASHED: Final = ("model.onnx", "config.json", "preprocessor_config.json", _ABOUT)
_NEEDED: Final = ("report.json", "verdict.json", "model.tar.gz", *(f"model/{name}" for name in _HASHED))
_PIECE: Final = 1 << 20
_HASH_LENGTH: Final = 12


def is_all_there(version: ModelVersion) -> bool:
    """Whether a result can be taken in."""
    return set(_files(version)) >= set(_NEEDED)


def arrive(version: ModelVersion) -> dict[str, Any]:
    """Copy the files of the result into the version's folder, and return what its row is to say of them.

    Again, it does the same. Raises CannotTrain when something is missing or cannot be read.
    """
    files = _files(version)
    missing = [name for name in _NEEDED if name not in files]
    if missing:
        raise CannotTrain(f"it has no {missing[0]}.")
    try:
        values: dict[str, Any] = {
            "report": _document(version, "report.json"),
            "verdict": _document(version, "verdict.json"),
            "served_as": _served_as(version),
        }
        check(**values)
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise CannotTrain(f"it cannot be read ({error}).") from error
    kept = [name for name in files if belongs(name, values["report"])]
    copy({f"{version.folder}/{name}": f"{run_folder(version)}/result/{name}" for name in kept})
    return values


def _files(version: ModelVersion) -> list[str]:
    """Their names within the result."""
    folder = f"{run_folder(version)}/result/"
    return [key.removeprefix(folder) for key in keys_under(folder)]


def _document(version: ModelVersion, name: str) -> dict[str, Any]:
    """Raises ValueError for what is no JSON object. Databases have no place for NaN."""
    with storages["derived"].open(f"{run_folder(version)}/result/{name}") as file:
        document = json.loads(file.read(), parse_constant=lambda _name: None)
    if not isinstance(document, dict):
        raise ValueError(f"{name} holds no JSON object")
    return document


def _served_as(version: ModelVersion) -> str:
    """What results will call it. Models are large: they are read in pieces."""
    digest = hashlib.sha256()
    for name in _HASHED:
        with storages["derived"].open(f"{run_folder(version)}/result/model/{name}") as file:
            digest.update(_sha256(file))
    about = _document(version, f"model/{_ABOUT}")
    return f"{about['name']}-v{about['version']}-{digest.hexdigest()[:_HASH_LENGTH]}"


def _sha256(file: Any) -> bytes:
    digest = hashlib.sha256()
    while piece := file.read(_PIECE):
        digest.update(piece)
    return digest.digest()
