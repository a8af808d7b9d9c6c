"""The detectors that the settings ask for. Importing this loads no model and no detector library.

On AWS the portal is without those libraries, and asks only what is missing: nothing is, of those that it names there.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

from portal.finetuning.promoting import files_are_gone, running, running_folder
from recognition.configuration import CUSTOM, ONNX, DetectorSettings, build_detectors, missing_detectors
from recognition.detectors import Detector
from recognition.detectors.rekognition import RekognitionSettings

_MISSING = {
    ONNX: "Everyday objects are not recognised yet: the general detector’s model is not on this machine. "
    "It is fetched in the background when the portal starts; “.venv/bin/python manage.py fetch_detector” tries again.",
    CUSTOM: "The model of your own does not run: its files are gone or damaged. Promote another version, or roll back.",
}


def detector_settings(custom_folder: Path | None = None) -> DetectorSettings:
    """What the environment asks for, in the recognition package's terms; with the folder of a model of our own."""
    features = settings.REKOGNITION_FEATURES
    rekognition = RekognitionSettings(
        labels="labels" in features,
        properties="properties" in features,
        moderation="moderation" in features,
        text="text" in features,
        region=settings.AWS_REGION,
    )
    return DetectorSettings(
        names=settings.DETECTORS,
        model_folder=model_folder(),
        custom_folder=custom_folder,
        rekognition=rekognition,
        threads=os.cpu_count() or 1,
    )


def model_folder() -> Path | None:
    """The ONNX detector's model folder: the one that is named, or the fetched one; None when it is not there."""
    named = Path(settings.ONNX_MODEL).expanduser()
    if named.is_dir():
        return named
    if ONNX not in settings.DETECTORS:
        return None
    from recognition import hub

    known = hub.MODELS.get(settings.ONNX_MODEL)
    return hub.installed(known, settings.MODELS_DIR) if known else None


def detectors() -> tuple[Detector, ...]:
    """The configured detectors, with the model of our own that runs now; one that has arrived or was promoted since the
    last call is picked up."""
    return build_detectors(detector_settings(running_folder() if CUSTOM in settings.DETECTORS else None))


def detectors_without_database() -> tuple[Detector, ...]:
    """The same without the model of our own: which one runs is in the database."""
    return build_detectors(detector_settings())


def missing() -> list[str]:
    """A sentence for each detector that is configured but cannot run here yet."""
    version = running() if CUSTOM in settings.DETECTORS else None
    is_gone = version is not None and files_are_gone(version)
    return [*missing_without_database(), *([_MISSING[CUSTOM]] if is_gone else [])]


def missing_without_database() -> list[str]:
    """The same without the model of our own."""
    return [_MISSING[name] for name in missing_detectors(detector_settings())]
