"""Models of our own that look at pictures without running: kept loaded in the worker, two at a time."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final
from uuid import UUID

import numpy as np

from portal.finetuning.folders import local_folder
from portal.finetuning.models import ModelVersion
from recognition.detectors.onnx import ModelFolderError, OnnxDetector

# As results name the model of our own that runs, so that the vocabulary understands both alike.
NAME: Final = "custom"
# A candidate and what it is compared with.
AT_ONCE: Final = 2

_kept: OrderedDict[UUID, OnnxDetector] = OrderedDict()
_lock = threading.Lock()


class CannotLook(Exception):
    """The files of a version are gone, or no model; says so to people."""


def candidate(version: ModelVersion) -> OnnxDetector:
    """A detector of this version, its model loaded; the same one until two others were asked for. Raises CannotLook."""
    with _lock:
        folder = local_folder(version, "model")
        if folder is None:
            _kept.pop(version.pk, None)
            raise CannotLook(f"The files of {version} are gone, so it cannot look at anything.")
        if version.pk not in _kept:
            _kept[version.pk] = _loaded(folder)
        _kept.move_to_end(version.pk)
        while len(_kept) > AT_ONCE:
            _kept.popitem(last=False)
        return _kept[version.pk]


def _loaded(folder: Path) -> OnnxDetector:
    detector = OnnxDetector(folder, NAME, threads=os.cpu_count() or 1)
    try:
        # So that the first picture does not wait for it, and its time is told rightly.
        detector.find(np.zeros((64, 64, 3), np.uint8))
    except ModelFolderError as error:
        raise CannotLook(str(error)) from error
    return detector
