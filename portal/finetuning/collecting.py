"""What a training on this machine left, stored where every part of the portal finds it.

Needs the libraries of the ONNX detector, which the portal on AWS does not have.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.files.storage import storages

from portal.finetuning.documents import belongs, check
from portal.finetuning.models import ModelVersion
from portal.finetuning.problems import CannotTrain
from recognition.detectors.onnx import ModelFolderError, OnnxDetector


def collect(version: ModelVersion, result: Path) -> dict[str, Any]:
    """Store the files of the folder `result` under the version's, and return what its row is to say of them.

    Again, it stores the same. Raises CannotTrain when something is missing there.
    """
    try:
        values: dict[str, Any] = {
            "report": _document(result / "report.json"),
            "verdict": _document(result / "verdict.json"),
            "served_as": OnnxDetector(result / "model").version,
        }
        check(**values)
    except (FileNotFoundError, ValueError, ModelFolderError) as error:
        raise CannotTrain(f"The training ended, but what it left cannot be used: {error}") from error
    for path in sorted(result.rglob("*")):
        name = path.relative_to(result).as_posix()
        if path.is_file() and belongs(name, values["report"]):
            with path.open("rb") as file:
                storages["derived"].save(f"{version.folder}/{name}", File(file))
    return values


def _document(path: Path) -> dict[str, Any]:
    """Raises FileNotFoundError, and ValueError for what is no JSON object. Databases have no place for NaN."""
    document = json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda _name: None)
    if not isinstance(document, dict):
        raise ValueError(f"{path.name} holds no JSON object")
    return document
