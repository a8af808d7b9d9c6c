"""Objects in boxes, by any detector of the DETR family that was exported to ONNX.

Its input is `pixel_values`, its outputs `logits` and `pred_boxes`; a model folder is around it (see `model_folder`).
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from recognition.detectors import MIN_CONFIDENCE, Findings
from recognition.detectors.detr import Floats, outputs_wanted, surest
from recognition.detectors.model_folder import CONFIG, MODEL, PREPROCESSOR, ModelFolder, ModelFolderError
from recognition.result import Box, Instance, Label
from recognition.vocabulary import describe

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from recognition.image import PreparedImage

__all__ = ["ModelFolderError", "OnnxDetector", "Preprocessing"]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a picture becomes the network's input, as `preprocessor_config.json` says.

    Padding is for batches of several pictures, and so left out.
    """

    size: Mapping[str, int] | None
    resample: Image.Resampling
    scale: float
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Preprocessing:
        normalize = values.get("do_normalize", False)
        size = values.get("size", {}) if values.get("do_resize", True) else None
        if size is not None and not (size.keys() >= {"height", "width"} or "shortest_edge" in size):
            raise ModelFolderError(f"{PREPROCESSOR} asks for a size in a way that is not known here: {size}")
        return cls(
            size=size,
            resample=Image.Resampling(values.get("resample", Image.Resampling.BILINEAR)),
            scale=float(values.get("rescale_factor", 1 / 255)) if values.get("do_rescale", True) else 1.0,
            mean=tuple(values["image_mean"]) if normalize else (0.0, 0.0, 0.0),
            deviation=tuple(values["image_std"]) if normalize else (1.0, 1.0, 1.0),
        )

    def __call__(self, pixels: NDArray[np.uint8]) -> Floats:
        """From uint8 RGB, height x width x 3, to float32, 1 x 3 x height x width at the network's size."""
        height, width = pixels.shape[:2]
        target = self.target(width, height)
        if target != (width, height):
            pixels = np.asarray(Image.fromarray(pixels).resize(target, self.resample))
        values = pixels.astype(np.float32) * np.float32(self.scale)
        mean: Floats = np.array(self.mean, np.float32)
        deviation: Floats = np.array(self.deviation, np.float32)
        return np.ascontiguousarray(((values - mean) / deviation).transpose(2, 0, 1)[None])

    def target(self, width: int, height: int) -> tuple[int, int]:
        """Width and height in pixels that a picture of this size is brought to."""
        if self.size is None:
            return width, height
        if "height" in self.size:
            return self.size["width"], self.size["height"]
        return _between_edges(width, height, self.size["shortest_edge"], self.size.get("longest_edge"))


def _between_edges(width: int, height: int, shortest: int, longest: int | None) -> tuple[int, int]:
    """Scale so that the shorter side is `shortest` pixels, or less where the longer side would pass `longest`.

    Rounded as transformers' `get_size_with_aspect_ratio` does it: the shorter side to the nearest, the longer one down.
    """
    shorter, longer = min(width, height), max(width, height)
    exact = float(shortest)
    if longest is not None and longer / shorter * shortest > longest:
        exact = longest * shorter / longer
    short, long = max(1, round(exact)), max(1, int(exact * longer / shorter))
    if shorter == short:
        return width, height
    return (short, long) if width < height else (long, short)


class OnnxDetector:
    """Serves one model folder. Labels come from `min_confidence` percent on, with a box for each thing found.

    `detect` raises ModelFolderError when the folder's files are missing or contradict each other.
    """

    paid = False

    def __init__(
        self, folder: Path, name: str = "onnx", *, min_confidence: float = MIN_CONFIDENCE, threads: int | None = None
    ) -> None:
        self.name = name
        self._folder = ModelFolder(folder)
        self._min_confidence = min_confidence
        self._threads = threads or os.cpu_count() or 1
        self._lock = threading.Lock()
        self._loaded: InferenceSession | None = None

    @property
    def version(self) -> str:
        return self._folder.version

    @property
    def settings(self) -> Mapping[str, object]:
        return {"min_confidence": self._min_confidence}

    def detect(self, image: PreparedImage) -> Findings:
        return self.find(image.pixels)

    def find(self, pixels: NDArray[np.uint8]) -> Findings:
        """What is in an upright picture: uint8 RGB, height x width x 3."""
        logits, boxes = self._run(self._preprocessing(pixels))
        labels, scores, corners = surest(self._folder.model_type, logits, boxes)
        percents = self._folder.calibration.percent(labels, scores)
        kept = percents >= self._min_confidence
        found: dict[int, list[Instance]] = defaultdict(list)
        for label, percent, sides in zip(
            labels[kept].tolist(), percents[kept].tolist(), corners[kept].tolist(), strict=True
        ):
            box = Box.clipped(*sides)
            if box is not None:
                found[label].append(Instance(percent, box))
        return Findings(labels=self._labels(found))

    def _labels(self, found: Mapping[int, list[Instance]]) -> tuple[Label, ...]:
        """One label for each name: several of the model's classes may have the same."""
        named: dict[str, list[Instance]] = defaultdict(list)
        for label, instances in found.items():
            named[self._folder.names[label]] += instances
        labels = []
        for name, instances in named.items():
            instances.sort(key=lambda instance: -instance.confidence)
            known = describe(name)
            labels.append(
                Label(
                    known.name,
                    instances[0].confidence,
                    self.name,
                    known.parents,
                    known.aliases,
                    known.categories,
                    tuple(instances),
                )
            )
        return tuple(labels)

    def _run(self, pixel_values: Floats) -> tuple[Floats, Floats]:
        session = self._session()
        inputs: dict[str, NDArray[Any]] = {"pixel_values": pixel_values}
        if any(given.name == "pixel_mask" for given in session.get_inputs()):
            inputs["pixel_mask"] = np.ones((1, *pixel_values.shape[2:]), np.int64)
        logits, boxes = session.run(["logits", "pred_boxes"], inputs)
        classes = len(self._folder.names)
        if logits.shape[-1] != outputs_wanted(self._folder.model_type, classes):
            raise ModelFolderError(
                f"{self._folder.name}: {CONFIG} names {classes} classes, but {MODEL} has {logits.shape[-1]}."
            )
        return logits[0], boxes[0]

    def _session(self) -> InferenceSession:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> InferenceSession:
        # Takes a third of a second to import: only processes that detect pay for it.
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        # Threads that wait busily take the cores from the other detectors.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        model = str(self._folder.file(MODEL))
        try:
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ModelFolderError(f"{self._folder.name}: {MODEL} cannot be loaded: {error}") from error
        missing = {"logits", "pred_boxes"} - {output.name for output in session.get_outputs()}
        if missing:
            raise ModelFolderError(f"{self._folder.name}: {MODEL} has no output {' and '.join(sorted(missing))}.")
        return session

    @cached_property
    def _preprocessing(self) -> Preprocessing:
        return Preprocessing.read(self._folder.preprocessor)
