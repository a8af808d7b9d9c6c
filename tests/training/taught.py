"""A trained network for the tests that need one, and drawn pictures of what it knows."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import training
from recognition.detectors.onnx import Preprocessing
from tests.training import needs_torch  # noqa: F401
from training.data import Dataset, load
from training.drawn import write_folder
from training.shapes import SHAPES
from training.train import Trained

FOLDER = Path(training.__file__).parent / "starts" / "tiny-shapes"


@cache
def taught() -> Trained:
    """As `train` returns it, without the training."""
    # Here, so that what imports this without PyTorch is skipped.
    from transformers import AutoModelForObjectDetection

    config = json.loads((FOLDER / "preprocessor_config.json").read_text())
    model = AutoModelForObjectDetection.from_pretrained(FOLDER).eval()
    return Trained(model, Preprocessing.read(config), config, SHAPES, {"start": "tiny-shapes", "steps": 2400})


def drawn(folder: Path, *, validation: int = 12, test: int = 16) -> Dataset:
    """Pictures that it was not trained on."""
    return load(write_folder(folder, SHAPES, train=1, validation=validation, test=test, seed=77))
