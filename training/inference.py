"""What a SageMaker endpoint runs: a picture goes in, the contract's labels in boxes come out as JSON.

SageMaker's serving toolkits call the four functions; this file lies in the packed model as `code/inference.py`, with
the needed part of `recognition` beside it. A batch transform job calls them in the same way, once for each picture.

The statuses are set on the toolkit's context rather than raised: of the two toolkits, sagemaker-inference would put a
traceback into the answer, and sagemaker-huggingface-inference would make a 400 of every error, even of ours.

Source: https://github.com/aws/sagemaker-inference-toolkit and https://github.com/aws/sagemaker-huggingface-inference-toolkit
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recognition.decoding import decode
from recognition.detectors.onnx import OnnxDetector
from recognition.errors import PermanentError
from recognition.formats import ImageFormat, identify
from recognition.limits import DEFAULT_LIMITS
from recognition.result import Label

_LONGEST_SIDE: Final = 2048
# “x-image” is what SageMaker's own image models are sent.
_PICTURES: Final = frozenset({"image/jpeg", "image/png", "application/x-image"})
_FORMATS: Final = frozenset({ImageFormat.JPEG, ImageFormat.PNG})
_JSON: Final = "application/json"
_ANSWERS: Final = frozenset({_JSON, "application/*", "*/*"})
_WORKERS: Final = "SAGEMAKER_MODEL_SERVER_WORKERS"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Goes on to `output_fn` in place of what a function should have made: an HTTP status and a sentence."""

    status: HTTPStatus
    message: str


def model_fn(folder: str) -> OnnxDetector:
    """The detector, once for each of the server's processes: its model is loaded now, not by the first picture."""
    detector = OnnxDetector(Path(folder), "sagemaker", threads=_threads(os.environ))
    detector.find(np.zeros((64, 64, 3), np.uint8))
    return detector


def input_fn(body: bytes, content_type: str | None) -> NDArray[np.uint8] | Refusal:
    """The upright picture, uint8 RGB, of a JPEG or PNG."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind not in _PICTURES:
        words = f"Send a JPEG or a PNG as image/jpeg or image/png, not “{content_type}”."
        return Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, words)
    data = bytes(body)
    try:
        if (found := identify(data)) not in _FORMATS:
            return Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send a JPEG or a PNG, not a {found}.")
        return np.asarray(decode(data, _LONGEST_SIDE, DEFAULT_LIMITS).picture)
    except PermanentError as error:
        large = error.code == "too_many_pixels"
        return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE if large else HTTPStatus.UNPROCESSABLE_ENTITY, error.message)


def predict_fn(picture: NDArray[np.uint8] | Refusal, model: OnnxDetector) -> dict[str, Any] | Refusal:
    """The labels, and the version of the model that found them. Whatever fails here is not the picture's fault."""
    if isinstance(picture, Refusal):
        return picture
    try:
        labels = model.find(picture).labels
        return {"version": model.version, "labels": [_label(label) for label in labels]}
    except Exception:
        logger.exception("The model failed.")
        return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "The model failed; its log says why.")


def output_fn(prediction: dict[str, Any] | Refusal, accept: str, context: Any) -> str:
    """JSON, whatever came before; a refusal sets the answer's status."""
    if not isinstance(prediction, Refusal) and not _takes_json(accept):
        prediction = Refusal(HTTPStatus.NOT_ACCEPTABLE, f"The answer is {_JSON}, not “{accept}”.")
    if isinstance(prediction, Refusal):
        context.set_response_status(code=int(prediction.status), phrase=prediction.status.phrase)
        return json.dumps({"error": prediction.message})
    return json.dumps(prediction)


def _threads(environ: Mapping[str, str]) -> int:
    """The server's processes share the cores; unless it is told how many to start, it starts one for each core."""
    cores = os.cpu_count() or 1
    return max(1, cores // int(environ.get(_WORKERS) or cores))


def _takes_json(accept: str) -> bool:
    return any(kind.partition(";")[0].strip().lower() in _ANSWERS for kind in accept.split(","))


def _label(label: Label) -> dict[str, Any]:
    return {
        "name": label.name,
        "confidence": label.confidence,
        "instances": [
            {
                "confidence": instance.confidence,
                "box": {
                    "left": instance.box.left,
                    "top": instance.box.top,
                    "width": instance.box.width,
                    "height": instance.box.height,
                },
            }
            for instance in label.instances
        ],
    }
