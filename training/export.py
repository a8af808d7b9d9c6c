"""A trained network as model folders: for ONNX, which serving reads, and for PyTorch, to start a next training from."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
import torch

from recognition.detectors.detr import Floats, corners, shares, surest
from recognition.detectors.model_folder import ABOUT, ABOUT_SCHEMA, CONFIG, MODEL, PREPROCESSOR
from recognition.detectors.onnx import Preprocessing
from training.baselines import run_again
from training.data import Dataset, PictureGone, Sample, read_picture
from training.errors import TrainingFailed
from training.evaluate import Evaluation
from training.measuring import quick_map
from training.networks import quietly
from training.packing import MODEL_FOLDER, TORCH_FOLDER
from training.train import Trained

LARGEST_DIFFERENCE: Final = 1e-3
"""Of scores (0 to 1) and of boxes (fractions of the picture) between PyTorch and ONNX."""
_OPSET: Final = 17
# A network that finds next to nothing has queries that are all equal, and chance decides which of them answer.
_LEARNED: Final = 0.02
_SAMPLES: Final = 16
# Below, the order of detections is left to chance, and nobody is shown them.
_LEAST_SCORE: Final = 0.05


def export(
    trained: Trained,
    dataset: Dataset,
    evaluation: Evaluation,
    out: Path,
    *,
    name: str,
    version: int,
    int8: bool = False,
) -> dict[str, Any]:
    """Write `out`/model and `out`/torch, and return what the report says of it.

    The ONNX model is compared with PyTorch on pictures of the dataset: raises TrainingFailed when they disagree, or
    when no picture is left.
    `int8` asks for an 8-bit copy in `out`/int8 as well, measured on the test pictures.
    """
    folder = _emptied(out / MODEL_FOLDER)
    write_torch(trained, _emptied(out / TORCH_FOLDER))
    write_onnx(trained, folder / MODEL)
    shutil.copyfile(out / TORCH_FOLDER / CONFIG, folder / CONFIG)
    _write_json(folder / PREPROCESSOR, trained.preprocessor_config)
    _write_json(folder / ABOUT, _about(dataset, evaluation, name, version))
    found = compare(trained, folder / MODEL, (*dataset.test, *dataset.validation, *dataset.train))
    if evaluation.candidate["map50"][0] > _LEARNED:
        require_agreement(found)
    quantised = _quantised(folder, dataset, out / "int8", evaluation) if int8 else None
    return {**found, "bytes": (folder / MODEL).stat().st_size, "int8": quantised}


def _about(dataset: Dataset, evaluation: Evaluation, name: str, version: int) -> dict[str, Any]:
    return {
        "schema": ABOUT_SCHEMA,
        "name": name,
        "version": version,
        "thresholds": dict(evaluation.thresholds),
        "classes": list(dataset.classes),
        "map50": evaluation.candidate["map50"][0],
        "dataset": dataset.description,
    }


def write_torch(trained: Trained, folder: Path) -> None:
    """Hugging Face's layout, as `training.starting` reads it again."""
    with quietly():
        trained.model.save_pretrained(folder)
    _write_json(folder / PREPROCESSOR, trained.preprocessor_config)


class _Exported(torch.nn.Module):
    """The two outputs that a model folder promises."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        output = self.model(pixel_values=pixel_values)
        return output.logits, output.pred_boxes


def write_onnx(trained: Trained, path: Path) -> None:
    """Any number of pictures at once, of the size that the model was trained at."""
    width, height = trained.preprocessing.target(1, 1)
    batch = {0: "batch"}
    model: Any = trained.model
    model.to("cpu").float().eval()
    with warnings.catch_warnings():
        # The tracer's remarks on shapes that are the same for every picture, and that this exporter will be succeeded.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Exported(model).eval(),
            (torch.zeros(2, 3, height, width),),
            str(path),
            dynamo=False,
            opset_version=_OPSET,
            input_names=["pixel_values"],
            output_names=["logits", "pred_boxes"],
            dynamic_axes={"pixel_values": batch, "logits": batch, "pred_boxes": batch},
        )


def compare(trained: Trained, path: Path, samples: Sequence[Sample]) -> dict[str, Any]:
    """The largest differences between PyTorch and the ONNX file on the first of these pictures, detection by detection.

    Those whose owners have deleted them meanwhile are passed over. Raises TrainingFailed when none is left.
    """
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    kind = trained.model.config.model_type
    apart: list[tuple[float, float]] = []
    for pixels in islice(_inputs(trained.preprocessing, samples), _SAMPLES):
        logits, boxes = session.run(["logits", "pred_boxes"], {"pixel_values": pixels})
        apart.append(differences(kind, _asked(trained.model, pixels), (logits[0], boxes[0])))
    if not apart:
        raise TrainingFailed("The exported model cannot be checked: none of the dataset's pictures is left.")
    score, box = (max(each) for each in zip(*apart, strict=True))
    return {"samples": len(apart), "max_score_difference": score, "max_box_difference": box}


def require_agreement(found: Mapping[str, Any]) -> None:
    """Raises TrainingFailed when scores or boxes differ by more than LARGEST_DIFFERENCE."""
    score, box = found["max_score_difference"], found["max_box_difference"]
    if max(score, box) > LARGEST_DIFFERENCE:
        raise TrainingFailed(
            f"The exported model answers otherwise than the trained one: scores differ by up to {score:.2g} and boxes "
            f"by up to {box:.2g}, where {LARGEST_DIFFERENCE:g} is allowed."
        )


@torch.inference_mode()
def _asked(model: Any, pixels: Floats) -> tuple[Floats, Floats]:
    output = model(pixel_values=torch.from_numpy(pixels))
    return output.logits[0].numpy(), output.pred_boxes[0].numpy()


def differences(model_type: str, one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> tuple[float, float]:
    """The largest difference of scores, and of sides of boxes, among what is found with some certainty.

    Each is (logits, boxes) of one picture. A detection is compared with the query of the other that is nearest to it,
    because equally good queries may change places.
    """
    found = surest(model_type, *one)
    scores, places = shares(model_type, other[0]), corners(other[1])
    largest_score, largest_box = 0.0, 0.0
    for label, score, sides in zip(found.labels, found.scores, found.corners, strict=True):
        if score >= _LEAST_SCORE:
            apart = np.abs(places - sides).max(axis=1)
            off = np.abs(scores[:, label] - score)
            nearest = int((apart + off).argmin())
            largest_score = max(largest_score, float(off[nearest]))
            largest_box = max(largest_box, float(apart[nearest]))
    return largest_score, largest_box


def _inputs(preprocessing: Preprocessing, samples: Sequence[Sample]) -> Iterator[Floats]:
    """Without those that are gone."""
    for sample in samples:
        with suppress(PictureGone):
            yield preprocessing(np.asarray(read_picture(sample)))


def _quantised(folder: Path, dataset: Dataset, target: Path, evaluation: Evaluation) -> dict[str, Any]:
    """The folder again with weights of 8 bits, and what that changes on the test pictures."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    # Unsigned: onnxruntime has no convolution with signed weights for the CPU.
    quantize_dynamic(folder / MODEL, target / MODEL, weight_type=QuantType.QUInt8)
    _, before = quick_map(dataset.test, evaluation.detections, dataset.classes)
    _, after = quick_map(dataset.test, run_again(dataset, target).detections, dataset.classes)
    size = (target / MODEL).stat().st_size
    return {"bytes": size, "map50": round(after, 6), "map50_change": round(after - before, 6)}


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n")
