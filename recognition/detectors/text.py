"""Printed text, line by line, by RapidOCR (PP-OCRv6 small) with the models that come inside its package."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from recognition.detectors import Findings
from recognition.image import PreparedImage
from recognition.result import Box, Text, TextKind

if TYPE_CHECKING:
    from rapidocr import RapidOCR

_DETECTION_SIDE = 960
"""Longest side on which lines are looked for, in pixels. Larger costs time and memory by its square, and finds no more
on pages and signs; the lines found are read from the full picture."""

_MAX_ENLARGEMENT = 3.0
_MIN_CONFIDENCE = 70.0
_MIN_CONFIDENCE_SINGLE = 95.0
_MODELS: Final[Mapping[str, str]] = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
}

_engines: dict[int, RapidOCR] = {}
_engines_lock = threading.Lock()


class TextDetector:
    """Lines of text with the upright box around each, confidence being the recogniser's mean character probability.

    Textures and round things are read as noise or single letters: lines under 70 % and single characters under 95 %
    are left out. Upside-down lines are not turned.
    """

    name: Final = "text"
    paid: Final = False
    settings: Final[Mapping[str, object]] = {
        "detection_side": _DETECTION_SIDE,
        "min_confidence": _MIN_CONFIDENCE,
        "min_confidence_single": _MIN_CONFIDENCE_SINGLE,
    }

    def __init__(self, threads: int = 2) -> None:
        """`threads`: how many CPU threads each model may use; more than the machine has means one for each core."""
        self._threads = threads

    @property
    def version(self) -> str:
        return f"PP-OCRv6-small rapidocr-{importlib.metadata.version('rapidocr')}"

    def detect(self, image: PreparedImage) -> Findings:
        pixels = _enlarged(image.pixels)
        bgr = np.ascontiguousarray(pixels[:, :, ::-1])
        with _engines_lock:
            output: Any = _engine(self._threads)(bgr)
        if output.txts is None:
            return Findings()
        height, width = pixels.shape[:2]
        size = np.array([width, height], dtype=np.float64)
        lines = (
            _line(text, float(score) * 100, np.asarray(corners) / size)
            for text, score, corners in zip(output.txts, output.scores, output.boxes, strict=True)
        )
        return Findings(text=tuple(line for line in lines if line is not None))


def _line(text: str, confidence: float, corners: NDArray[np.float64]) -> Text | None:
    """`corners`: four x, y pairs as fractions of the image."""
    text = text.strip()
    box = Box.clipped(*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())
    if not text or box is None or confidence < _MIN_CONFIDENCE:
        return None
    if len(text) == 1 and confidence < _MIN_CONFIDENCE_SINGLE:
        return None
    return Text(text, TextKind.LINE, round(min(confidence, 100.0), 2), box, TextDetector.name)


def _enlarged(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Small pictures up to threefold: the finder misses letters under about ten pixels."""
    factor = min(_DETECTION_SIDE / max(pixels.shape[:2]), _MAX_ENLARGEMENT)
    if factor <= 1:
        return pixels
    import cv2

    enlarged = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    return np.asarray(enlarged, dtype=np.uint8)


def _engine(threads: int) -> RapidOCR:
    """The process's one engine for that many threads; the caller holds the lock."""
    if threads not in _engines:
        _engines[threads] = _load(threads)
    return _engines[threads]


def _load(threads: int) -> RapidOCR:
    from rapidocr import RapidOCR

    params: dict[str, object] = {
        "Global.log_level": "error",
        "Global.text_score": _MIN_CONFIDENCE / 100,
        # The longest side of a prepared image, so that RapidOCR never scales it down before reading.
        "Global.max_side_len": 2048,
        # The picture is upright already; on real pages the half-turn classifier turns readable lines upside down.
        "Global.use_cls": False,
        "Det.limit_side_len": _DETECTION_SIDE,
        "Det.limit_type": "max",
        "Det.box_thresh": 0.6,
        # Off, it joins fewer neighbours; on a page of close lines more of them are read whole.
        "Det.use_dilation": False,
        # In a batch, short lines are padded to the longest: slower, more memory, and other answers by neighbour.
        "Rec.rec_batch_num": 1,
        "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    folder = _model_folder()
    # Named files are opened as they are; without names RapidOCR would download whatever it misses.
    params |= {f"{part}.model_path": str(folder / file) for part, file in _MODELS.items()}
    engine = RapidOCR(params=params)
    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    return engine


def _model_folder() -> Path:
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise RuntimeError("The package rapidocr is not installed; text recognition needs it.")
    return Path(spec.origin).parent / "models"
