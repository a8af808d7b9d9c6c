"""From plain settings to the detectors, made once per process and only as far as they can work here.

Those that need numpy are imported when they are made: where only paid services are asked, it is not installed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from recognition.detectors import Detector
from recognition.detectors.rekognition import RekognitionSettings, rekognition_detectors
from recognition.detectors.sagemaker import SageMakerDetector, SageMakerSettings
from recognition.memory import give_large_blocks_back

ONNX: Final = "onnx"


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """Which detectors to ask, in the order of their answers, and what they need.

    `model_folder` holds the ONNX detector's model (`model.onnx`, `config.json`, `preprocessor_config.json`); while it
    is not there, "onnx" is left out. "sagemaker" needs an endpoint's name once it is built. `threads` bounds the CPU
    threads of the text networks.

    Raises ValueError for a name that is no detector's.
    """

    names: tuple[str, ...] = (ONNX, "faces", "text", "properties")
    model_folder: Path | None = None
    rekognition: RekognitionSettings = field(default_factory=RekognitionSettings)
    threads: int = 2
    sagemaker: SageMakerSettings = field(default_factory=SageMakerSettings)

    def __post_init__(self) -> None:
        for name in self.names:
            if name not in _MAKERS:
                known = ", ".join(_MAKERS)
                raise ValueError(f"There is no detector called “{name}”; the detectors are {known}.")


def build_detectors(settings: DetectorSettings) -> tuple[Detector, ...]:
    """The detectors that can work now. The same settings give the same objects, so models are loaded once a process.

    A model folder that appears later is picked up by the next call. Raises ValueError for "sagemaker" without the name
    of an endpoint.
    """
    absent = missing_detectors(settings)
    return tuple(detector for name in settings.names if name not in absent for detector in _made(name, settings))


def missing_detectors(settings: DetectorSettings) -> tuple[str, ...]:
    """The names asked for in vain: "onnx" as long as its model folder is not there."""
    folder = settings.model_folder
    present = folder is not None and all((folder / file).is_file() for file in _MODEL_FILES)
    return tuple(name for name in settings.names if name == ONNX and not present)


def _onnx(settings: DetectorSettings) -> tuple[Detector, ...]:
    from recognition.detectors.onnx import OnnxDetector

    if settings.model_folder is None:
        raise ValueError("The ONNX detector needs a model folder.")
    return (OnnxDetector(settings.model_folder, threads=settings.threads),)


def _faces(_: DetectorSettings) -> tuple[Detector, ...]:
    from recognition.detectors.faces import FaceDetector

    return (FaceDetector(),)


def _text(settings: DetectorSettings) -> tuple[Detector, ...]:
    from recognition.detectors.text import TextDetector

    return (TextDetector(settings.threads),)


def _properties(_: DetectorSettings) -> tuple[Detector, ...]:
    from recognition.detectors.properties import PropertiesDetector

    return (PropertiesDetector(),)


_MODEL_FILES: Final = ("model.onnx", "config.json", "preprocessor_config.json")
_MAKERS: Final[Mapping[str, Callable[[DetectorSettings], tuple[Detector, ...]]]] = {
    ONNX: _onnx,
    "faces": _faces,
    "text": _text,
    "properties": _properties,
    "rekognition": lambda settings: rekognition_detectors(settings.rekognition),
    "sagemaker": lambda settings: (SageMakerDetector(settings.sagemaker),),
}

_cache: dict[tuple[str, DetectorSettings], tuple[Detector, ...]] = {}
_cache_lock = threading.Lock()


def _made(name: str, settings: DetectorSettings) -> tuple[Detector, ...]:
    with _cache_lock:
        if (name, settings) not in _cache:
            give_large_blocks_back()
            _cache[name, settings] = _MAKERS[name](settings)
        return _cache[name, settings]
