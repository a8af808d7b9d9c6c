"""Objects in boxes, by any detector of the DETR family that was exported to ONNX.

A model folder is Hugging Face's layout: `model.onnx` (input `pixel_values`; outputs `logits` and `pred_boxes`),
`config.json` with `id2label` and `model_type`, and `preprocessor_config.json`.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from recognition.detectors import Findings
from recognition.image import PreparedImage
from recognition.result import Box, Instance, Label
from recognition.vocabulary import describe

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL, CONFIG, PREPROCESSOR = "model.onnx", "config.json", "preprocessor_config.json"

# These spend their last class on "nothing here" and share certainty out among classes; the others judge each class
# by itself.
_WITH_NO_OBJECT: Final = frozenset({"detr", "table-transformer", "yolos"})

Floats = NDArray[np.float32]


class ModelFolderError(Exception):
    """The model folder is incomplete or its files do not fit together; no image can be at fault."""


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
        self, folder: Path, name: str = "onnx", *, min_confidence: float = 20.0, threads: int | None = None
    ) -> None:
        self.name = name
        self._folder = folder
        self._min_confidence = min_confidence
        self._threads = threads or os.cpu_count() or 1
        self._lock = threading.Lock()
        self._loaded: InferenceSession | None = None

    @cached_property
    def version(self) -> str:
        """The model's type and 12 hex digits over the folder's three files."""
        digest = hashlib.sha256()
        for name in (MODEL, CONFIG, PREPROCESSOR):
            with self._file(name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return f"{self._config['model_type']}-{digest.hexdigest()[:12]}"

    @property
    def settings(self) -> Mapping[str, object]:
        return {"min_confidence": self._min_confidence}

    def detect(self, image: PreparedImage) -> Findings:
        logits, boxes = self._run(self._preprocessing(image.pixels))
        found: dict[int, list[Instance]] = defaultdict(list)
        for label, score, box in self._surest(logits, boxes):
            clipped = Box.clipped(*box)
            if clipped is not None:
                found[label].append(Instance(min(100.0, 100 * score), clipped))
        return Findings(labels=self._labels(found))

    def _labels(self, found: Mapping[int, list[Instance]]) -> tuple[Label, ...]:
        """One label for each name: several of the model's classes may have the same."""
        named: dict[str, list[Instance]] = defaultdict(list)
        for label, instances in found.items():
            named[self._names[label]] += instances
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

    def _surest(self, logits: Floats, boxes: Floats) -> list[tuple[int, float, tuple[float, float, float, float]]]:
        """(class, score 0 to 1, corners as fractions) from the least confidence on, as the transformers library has it.

        Queries x classes logits, queries x 4 boxes (center, width, height as fractions).
        """
        if self._config["model_type"] in _WITH_NO_OBJECT:
            shares = np.exp(logits - logits.max(-1, keepdims=True))
            shares = (shares / shares.sum(-1, keepdims=True))[:, :-1]
            queries = np.arange(len(shares))
            labels = shares.argmax(-1)
            scores = shares[queries, labels]
        else:
            each = 1 / (1 + np.exp(-logits.ravel()))
            places = np.argsort(-each, kind="stable")[: len(logits)]
            queries, labels, scores = places // logits.shape[1], places % logits.shape[1], each[places]
        kept = scores * 100 >= self._min_confidence
        centers, sizes = boxes[queries, :2], boxes[queries, 2:]
        corners = np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=1)
        return [
            (int(label), float(score), (float(left), float(top), float(right), float(bottom)))
            for label, score, (left, top, right, bottom) in zip(labels[kept], scores[kept], corners[kept], strict=True)
        ]

    def _run(self, pixel_values: Floats) -> tuple[Floats, Floats]:
        session = self._session()
        inputs = {"pixel_values": pixel_values}
        if any(given.name == "pixel_mask" for given in session.get_inputs()):
            inputs["pixel_mask"] = np.ones((1, *pixel_values.shape[2:]), np.int64)
        logits, boxes = session.run(["logits", "pred_boxes"], inputs)
        expected = len(self._names) + (self._config["model_type"] in _WITH_NO_OBJECT)
        if logits.shape[-1] != expected:
            raise ModelFolderError(
                f"{self._folder.name}: {CONFIG} names {len(self._names)} classes, but {MODEL} has {logits.shape[-1]}."
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
        try:
            session = onnxruntime.InferenceSession(str(self._file(MODEL)), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ModelFolderError(f"{self._folder.name}: {MODEL} cannot be loaded: {error}") from error
        missing = {"logits", "pred_boxes"} - {output.name for output in session.get_outputs()}
        if missing:
            raise ModelFolderError(f"{self._folder.name}: {MODEL} has no output {' and '.join(sorted(missing))}.")
        return session

    @cached_property
    def _config(self) -> Mapping[str, Any]:
        return self._json(CONFIG, "model_type", "id2label")

    @cached_property
    def _names(self) -> Mapping[int, str]:
        return {int(number): name for number, name in self._config["id2label"].items()}

    @cached_property
    def _preprocessing(self) -> Preprocessing:
        return Preprocessing.read(self._json(PREPROCESSOR))

    def _json(self, name: str, *required: str) -> Mapping[str, Any]:
        try:
            values: dict[str, Any] = json.loads(self._file(name).read_text())
        except ValueError as error:
            raise ModelFolderError(f"{self._folder.name}: {name} is not JSON: {error}") from error
        for key in required:
            if key not in values:
                raise ModelFolderError(f"{self._folder.name}: {name} does not say “{key}”.")
        return values

    def _file(self, name: str) -> Path:
        path = self._folder / name
        if not path.is_file():
            raise ModelFolderError(f"The model folder “{self._folder.name}” has no {name}.")
        return path
