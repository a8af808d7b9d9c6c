"""What runs today, measured on the same test pictures: the custom model, run afresh, and what others said of them.

A baseline knows some of the dataset's classes, under its own names, and may have seen some of the pictures only.
"""

from __future__ import annotations

import json
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from recognition.detectors.model_folder import ABOUT, CONFIG, MODEL, PREPROCESSOR, ModelFolder, ModelFolderError
from recognition.detectors.onnx import OnnxDetector
from recognition.vocabulary import describe
from training.data import DataError, Dataset, Sample, read_picture
from training.detecting import Detections

SCHEMA: Final = "imagesift.baselines/1"
FILE: Final = "baselines.json"
ARCHIVE: Final = "model.tar.gz"
_SIDES: Final = ("left", "top", "width", "height")


@dataclass(frozen=True, slots=True, eq=False)
class Rival:
    """A detector that answers already: `detections` are of the test samples numbered in `looked_at`, in that order.

    `knows` are numbers of the dataset's classes, `others` names of classes that it knows and the dataset does not.
    What it was less than `sure_from` (0 to 1) sure of was never written down.
    """

    name: str
    version: str
    title: str
    knows: tuple[int, ...]
    looked_at: tuple[int, ...]
    detections: tuple[Detections, ...]
    others: tuple[str, ...] = ()
    sure_from: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Rivals:
    """`running` is the custom model of today, if there is one; `others` are those that it runs beside."""

    running: Rival | None = None
    others: tuple[Rival, ...] = ()


def rivals(
    dataset: Dataset,
    data: Path,
    baseline_model: Path | None,
    *,
    threads: int | None = None,
    report: Callable[[int], None] = lambda _images: None,
) -> Rivals:
    """From the data folder's `baselines.json`, where there is one, and from a model folder or `model.tar.gz`.

    `report` hears of the pictures that the model has looked at. Raises DataError.
    """
    file = data / FILE
    others = said(dataset, file) if file.is_file() else ()
    if baseline_model is None:
        return Rivals(None, others)
    return Rivals(run_again(dataset, baseline_model, threads=threads, report=report), others)


def said(dataset: Dataset, file: Path) -> tuple[Rival, ...]:
    """The detectors in a `baselines.json` and what they said of the test pictures. Raises DataError."""
    try:
        document = json.loads(file.read_bytes())
        if document["schema"] != SCHEMA:
            raise DataError(f"{file.name} is of a kind that is not known here: {document['schema']}.")
        return tuple(_said(dataset, detector) for detector in document["detectors"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{file.name} is not what it should be: {error!r}.") from error


def _said(dataset: Dataset, detector: Mapping[str, Any]) -> Rival:
    numbers = numbers_by_name(dataset.classes)
    places = {sample.file_name: number for number, sample in enumerate(dataset.test)}
    looked_at = sorted({places[name] for name in detector["images"] if name in places})
    found: dict[str, list[tuple[int, float, list[float]]]] = {}
    for each in detector["detections"]:
        label = numbers.get(known_as(each["label"]))
        if label is not None:
            box = [float(each["box"][side]) for side in _SIDES]
            found.setdefault(each["file_name"], []).append((label, float(each["confidence"]) / 100, box))
    names = [dataset.test[number].file_name for number in looked_at]
    knows = {numbers[known_as(name)] for name in detector["classes"] if known_as(name) in numbers}
    name, version = str(detector["name"]), str(detector["version"])
    detections = tuple(_detections(file_name, found.get(file_name, [])) for file_name in names)
    title, sure_from = f"{name} {version}", float(detector.get("min_confidence", 0)) / 100
    return Rival(name, version, title, tuple(sorted(knows)), tuple(looked_at), detections, sure_from=sure_from)


def run_again(
    dataset: Dataset,
    source: Path,
    *,
    threads: int | None = None,
    report: Callable[[int], None] = lambda _images: None,
) -> Rival:
    """The test pictures through the model in this folder or archive, as serving runs it. Raises DataError."""
    numbers = numbers_by_name(dataset.classes)
    with model_folder(source) as path:
        # Down to nothing: a precision is measured over all confidences.
        detector = OnnxDetector(path, "custom", min_confidence=0, threads=threads)
        try:
            rival = _unmeasured(ModelFolder(path), numbers)
            detections = []
            for sample in dataset.test:
                detections.append(_looked(detector, sample, numbers))
                report(1)
        except ModelFolderError as error:
            raise DataError(f"The model in {source.name} cannot be measured. {error}") from error
    return replace(rival, looked_at=tuple(range(len(dataset.test))), detections=tuple(detections))


def require_model(source: Path) -> None:
    """That the model in this folder or archive answers at all. Raises DataError.

    Asked before a training: hours later would be too late.
    """
    with model_folder(source) as path:
        try:
            OnnxDetector(path, "custom").find(np.zeros((64, 64, 3), np.uint8))
        except ModelFolderError as error:
            raise DataError(f"The model to compare with cannot be measured. {error}") from error


def _unmeasured(folder: ModelFolder, numbers: Mapping[str, int]) -> Rival:
    names = folder.names.values()
    about = folder.about or {"name": folder.model_type, "version": folder.version}
    return Rival(
        name=str(about["name"]),
        version=folder.version,
        title=f"{about['name']} v{about['version']}" if folder.about else folder.version,
        knows=tuple(sorted({numbers[known_as(name)] for name in names if known_as(name) in numbers})),
        looked_at=(),
        detections=(),
        others=tuple(sorted(name for name in names if known_as(name) not in numbers)),
    )


def _looked(detector: OnnxDetector, sample: Sample, numbers: Mapping[str, int]) -> Detections:
    found = []
    for label in detector.find(np.asarray(read_picture(sample))).labels:
        number = numbers.get(known_as(label.name))
        if number is None:
            continue
        for instance in label.instances:
            box = [instance.box.left, instance.box.top, instance.box.width, instance.box.height]
            found.append((number, instance.confidence / 100, box))
    return _detections(sample.file_name, found)


def _detections(file_name: str, found: Sequence[tuple[int, float, list[float]]]) -> Detections:
    return Detections(
        file_name,
        np.array([label for label, _, _ in found], np.int64),
        np.array([score for _, score, _ in found], np.float32),
        np.array([box for _, _, box in found], np.float32).reshape(len(found), 4),
    )


def numbers_by_name(classes: Sequence[str]) -> Mapping[str, int]:
    """The dataset's classes by what every detector's labels are called in the end."""
    return {known_as(name): number for number, name in enumerate(classes)}


def known_as(name: str) -> str:
    """One name for the same thing, whoever saw it and however it is written."""
    return describe(name).name.casefold()


@contextmanager
def model_folder(source: Path) -> Iterator[Path]:
    """The folder itself, or one with the model files of an archive (which may lie alone in `source`).

    Raises DataError when there is no model.
    """
    if (source / CONFIG).is_file():
        yield source
        return
    archive = source / ARCHIVE if source.is_dir() else source
    with TemporaryDirectory(prefix="baseline-") as folder:
        try:
            _unpack(archive, Path(folder))
        except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
            why = (str(error).splitlines() or [type(error).__name__])[0].rstrip(":.")
            raise DataError(f"There is no model to compare with in {source.name}: {why}.") from error
        yield Path(folder)


def _unpack(archive: Path, folder: Path) -> None:
    """The model's own files alone, by name: nothing that an archive says of where to put things is followed."""
    with tarfile.open(archive) as packed:
        for member in packed:
            name = member.name.removeprefix("./")
            content = packed.extractfile(member) if name in (MODEL, CONFIG, PREPROCESSOR, ABOUT) else None
            if content is not None:
                (folder / name).write_bytes(content.read())
