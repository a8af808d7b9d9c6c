"""From plain settings to the detectors, made once per process and only as far as they can work here.

Those that need numpy are imported when they are made: where only paid services are asked, it is not installed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from recognition.detectors import MIN_CONFIDENCE, Detector
from recognition.detectors.rekognition import RekognitionSettings, rekognition_detectors
from recognition.detectors.sagemaker import SageMakerDetector, SageMakerSettings
from recognition.memory import give_large_blocks_back

ONNX: Final = "onnx"
CUSTOM: Final = "custom"
# Percent. Whoever compares what was found has to know from where on it was written down.
LOWEST_CONFIDENCES: Final[Mapping[str, float]] = {
    ONNX: MIN_CONFIDENCE,
    "rekognition": RekognitionSettings().min_confidence,
}


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """Which detectors to ask, in the order of their answers, and what they need.

    `model_folder` holds the ONNX detector's model (`model.onnx`, `config.json`, `preprocessor_config.json`); while it
    is not there, "onnx" is left out. `custom_folder` is the same for a model of one's own, which is called "custom" and
    left out without one. "sagemaker" needs an endpoint's name once it is built. `threads` bounds the CPU threads of the
    networks.

    Raises ValueError for a name that is no detector's.
    """

    names: tuple[str, ...] = (ONNX, CUSTOM, "faces", "text", "properties")
    model_folder: Path | None = None
    custom_folder: Path | None = None
    rekognition: RekognitionSettings = field(default_factory=RekognitionSettings)
    threads: int = 2
    sagemaker: SageMakerSettings = field(default_factory=SageMakerSettings)

    def __post_init__(self) -> None:
        for name in self.names:
            if name not in _MAKERS:
                known = ", ".join(_MAKERS)
                raise ValueError(f"There is no detector called “{name}”; the detectors are {known}.")


def build_detectors(settings: DetectorSettings) -> tuple[Detector, ...]:
    """The detectors that can work now. What nothing changed for is the same object as before, so that its model is
    loaded once a process; of each name only the newest is kept.

    A model folder that appears later is picked up by the next call. Raises ValueError for "sagemaker" without the name
    of an endpoint.
    """
    absent = {*missing_detectors(settings), *(() if settings.custom_folder else (CUSTOM,))}
    with _made_lock:
        if CUSTOM in absent:
            _made.pop(CUSTOM, None)
        return tuple(each for name in settings.names if name not in absent for each in _made_by(name, settings))


def missing_detectors(settings: DetectorSettings) -> tuple[str, ...]:
    """The names asked for in vain: "onnx" as long as its model folder is not there, "custom" when one is named that is
    not there. No model of one's own is no fault."""
    present = {ONNX: _is_model(settings.model_folder)}
    if settings.custom_folder is not None:
        present[CUSTOM] = _is_model(settings.custom_folder)
    return tuple(name for name in settings.names if not present.get(name, True))


def _is_model(folder: Path | None) -> bool:
    return folder is not None and all((folder / file).is_file() for file in _MODEL_FILES)


def _onnx(folder: Path | None, threads: int) -> tuple[Detector, ...]:
    return _of_folder(ONNX, folder, threads)


def _custom(folder: Path | None, threads: int) -> tuple[Detector, ...]:
    return _of_folder(CUSTOM, folder, threads)


def _of_folder(name: str, folder: Path | None, threads: int) -> tuple[Detector, ...]:
    from recognition.detectors.onnx import OnnxDetector

    if folder is None:
        raise ValueError("The ONNX detector needs a model folder.")
    return (OnnxDetector(folder, name, threads=threads),)


def _faces() -> tuple[Detector, ...]:
    from recognition.detectors.faces import FaceDetector

    return (FaceDetector(),)


def _text(threads: int) -> tuple[Detector, ...]:
    from recognition.detectors.text import TextDetector

    return (TextDetector(threads),)


def _properties() -> tuple[Detector, ...]:
    from recognition.detectors.properties import PropertiesDetector

    return (PropertiesDetector(),)


def _sagemaker(settings: SageMakerSettings) -> tuple[Detector, ...]:
    return (SageMakerDetector(settings),)


_MODEL_FILES: Final = ("model.onnx", "config.json", "preprocessor_config.json")
# How each is made, and the settings that it is made of: as long as these stay, so does it.
_MAKERS: Final[Mapping[str, tuple[Callable[..., tuple[Detector, ...]], tuple[str, ...]]]] = {
    ONNX: (_onnx, ("model_folder", "threads")),
    CUSTOM: (_custom, ("custom_folder", "threads")),
    "faces": (_faces, ()),
    "text": (_text, ("threads",)),
    "properties": (_properties, ()),
    "rekognition": (rekognition_detectors, ("rekognition",)),
    "sagemaker": (_sagemaker, ("sagemaker",)),
}

_made: dict[str, tuple[tuple[Any, ...], tuple[Detector, ...]]] = {}
_made_lock = threading.Lock()


def _made_by(name: str, settings: DetectorSettings) -> tuple[Detector, ...]:
    make, fields = _MAKERS[name]
    parts = tuple(getattr(settings, each) for each in fields)
    known = _made.get(name)
    if known is None or known[0] != parts:
        give_large_blocks_back()
        _made[name] = (parts, make(*parts))
    return _made[name][1]
