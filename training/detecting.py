"""What a network being trained finds in a dataset's pictures, read as `recognition.detectors.onnx` reads its export."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from recognition.detectors.calibration import Calibration
from recognition.detectors.detr import Surest, outputs_wanted, surest
from recognition.detectors.onnx import Preprocessing
from training.data import Sample, read_picture

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Detections:
    """What was found in one picture: classes (k,), scores from 0 to 1 (k,) and boxes (k, 4): left, top, width, height
    as fractions of the picture, inside it."""

    file_name: str
    labels: NDArray[np.int64]
    scores: Floats
    boxes: Floats

    @classmethod
    def of(cls, file_name: str, found: Surest) -> Detections:
        """Clipped to the picture, without those that lie outside."""
        corners = found.corners.clip(0, 1)
        boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        inside = (boxes[:, 2:] > 0).all(axis=1)
        return cls(file_name, found.labels[inside].astype(np.int64), found.scores[inside], boxes[inside])

    def sure(self, calibration: Calibration, least: float) -> Detections:
        """Those that are at least so sure (0 to 1), as confidences are told where the model serves."""
        kept = calibration.percent(self.labels, self.scores) >= 100 * least
        return Detections(self.file_name, self.labels[kept], self.scores[kept], self.boxes[kept])


def detect(
    model: Any,
    preprocessing: Preprocessing,
    samples: Sequence[Sample],
    classes: Sequence[str],
    *,
    at_once: int = 8,
    report: Callable[[int], None] = lambda _images: None,
) -> list[Detections]:
    """Everything that the network finds, however unsure, one answer for each sample and in their order.

    `model` is one of the transformers library's for object detection, on whatever device it is, and is run as if in
    evaluation: its mode is put back. `at_once` pictures of the same size go through it together; `report` hears of each
    such batch's size. Raises ValueError when the network has another number of classes.
    """
    kind = model.config.model_type
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            found: list[Detections] = []
            for batch, pixels in _batches(preprocessing, samples, at_once):
                output = model(pixel_values=torch.from_numpy(pixels).to(device))
                _fits(kind, output.logits.shape[-1], len(classes))
                logits, boxes = output.logits.float().cpu().numpy(), output.pred_boxes.float().cpu().numpy()
                each = zip(batch, logits, boxes, strict=True)
                found += [Detections.of(sample.file_name, surest(kind, *outputs)) for sample, *outputs in each]
                report(len(batch))
    finally:
        model.train(was_training)
    return found


def _fits(kind: str, outputs: int, classes: int) -> None:
    if outputs != outputs_wanted(kind, classes):
        raise ValueError(f"The network has {outputs} outputs for each query, which does not fit {classes} classes.")


def _batches(
    preprocessing: Preprocessing, samples: Sequence[Sample], at_once: int
) -> Iterator[tuple[list[Sample], Floats]]:
    """Neighbours of the same size at the network's input, at most so many together: n x 3 x height x width."""
    batch: list[Sample] = []
    inputs: list[Floats] = []
    for sample, pixels in zip(samples, _read_ahead(preprocessing, samples), strict=True):
        if batch and (len(batch) == at_once or pixels.shape != inputs[0].shape):
            yield batch, np.concatenate(inputs)
            batch, inputs = [], []
        batch.append(sample)
        inputs.append(pixels)
    if batch:
        yield batch, np.concatenate(inputs)


def _read_ahead(preprocessing: Preprocessing, samples: Sequence[Sample], ahead: int = 8) -> Iterator[Floats]:
    """Each picture as the network's input: the next ones are read while the network is at work."""

    def read(sample: Sample) -> Floats:
        return preprocessing(np.asarray(read_picture(sample)))

    with ThreadPoolExecutor(1, "read-ahead") as reader:
        waiting = [reader.submit(read, sample) for sample in islice(samples, ahead)]
        for number in range(len(samples)):
            if number + ahead < len(samples):
                waiting.append(reader.submit(read, samples[number + ahead]))
            yield waiting.pop(0).result()
