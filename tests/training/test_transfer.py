"""What it is for: a pretrained start learns new classes from few pictures, where random weights learn nothing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.requirements import required
from training.drawn import write_folder

if importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None:
    required("torch", "PyTorch is not installed")

from training.config import Augment, TrainConfig
from training.data import load
from training.detecting import detect
from training.measuring import quick_map
from training.progress import Progress
from training.train import train

pytestmark = [pytest.mark.torch, pytest.mark.slow]

STEPS = 140


def map50(folder: Path, out: Path, seed: int, *, scratch: bool) -> float:
    """mAP50 on 40 pictures that were neither learned from nor chosen by."""
    config = TrainConfig(
        folder,
        out,
        start="tiny-shapes",
        scratch=scratch,
        seed=seed,
        steps=STEPS,
        batch=5,
        learning_rate=2e-3,
        backbone_rate_share=1.0,
        validate_every=STEPS // 2,
        threads=1,
        # Drawn shapes lie any way round, and are never cut off.
        augment=Augment(crop=False, scale=False, transpose=True),
    )
    dataset = load(folder)
    trained = train(config, dataset, Progress(None))
    found = detect(trained.model, trained.preprocessing, dataset.test, dataset.classes)
    return quick_map(dataset.test, found, dataset.classes)[1]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_forty_pictures_of_new_shapes_are_enough_for_a_pretrained_start_alone(seed: int, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data", train=40, validation=12, test=40, seed=seed)
    assert map50(folder, tmp_path / "pretrained", seed, scratch=False) >= 0.6
    assert map50(folder, tmp_path / "scratch", seed, scratch=True) < 0.2
