"""What a training does besides learning: ends early, forgets, refuses, and says why it fails."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.requirements import required
from training.data import Dataset, load
from training.drawn import write_folder

if importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None:
    required("torch", "PyTorch is not installed")

import torch

from training.batches import Batches
from training.config import Augment, TrainConfig
from training.data import DataError
from training.distributed import World
from training.errors import TrainingFailed
from training.learning import rate_share
from training.progress import Progress
from training.train import Trained, train

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("data"), train=6, validation=2, test=1)


@pytest.fixture
def config(data: Path, tmp_path: Path) -> TrainConfig:
    few = {"steps": 3, "batch": 2, "side": 64, "validate_every": 1, "checkpoint_every": 1, "threads": 1}
    return TrainConfig(data, tmp_path / "run", start="tiny-shapes", **few)  # type: ignore[arg-type]


def trained(config: TrainConfig) -> Trained:
    return train(config, load(config.data), Progress(config.out / "progress.jsonl", least_seconds=0))


def records(config: TrainConfig, kind: str) -> list[dict[str, Any]]:
    every = (json.loads(line) for line in (config.out / "progress.jsonl").read_text().splitlines())
    return [each for each in every if each["kind"] == kind]


def test_the_same_seed_trains_the_same_and_another_another(config: TrainConfig) -> None:
    losses = []
    for number, seed in enumerate((1, 1, 2)):
        each = replace(config, seed=seed, out=config.out / str(number))
        assert trained(each).about["steps"] == 3
        losses.append([record["loss"] for record in records(each, "step")])
    assert losses[0] == losses[1] != losses[2]


def test_the_result_is_the_best_step_and_says_how_it_came_about(config: TrainConfig) -> None:
    result = trained(config)
    best = [each["step"] for each in records(config, "validation") if each["best"]][-1]
    assert result.classes == ("arrow", "cross", "heart")
    assert not result.model.training
    assert result.preprocessor_config["size"] == {"height": 64, "width": 64}
    about = result.about
    assert (about["steps"], about["of"], about["best_step"], about["stopped_early"]) == (3, 3, best, False)
    assert (about["start"], about["device"], about["picture_size"]) == ("tiny-shapes", "CPU, 1 thread", 64)
    assert about["learning_rate"] == 1e-3
    json.dumps(dict(about))
    result.model.save_pretrained(config.out / "torch")


def test_a_finished_training_is_not_trained_again_and_gives_the_same_model(config: TrainConfig) -> None:
    first, second = trained(config), trained(config)
    pairs = zip(first.model.state_dict().values(), second.model.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    assert [each["step"] for each in records(config, "step")] == [1, 2, 3]
    assert second.about["seconds"] == first.about["seconds"]


def test_without_improvement_it_ends_early(config: TrainConfig) -> None:
    # A rate this small changes nothing that a validation would see.
    result = trained(replace(config, steps=9, patience=2, learning_rate=1e-12))
    assert result.about["stopped_early"]
    assert result.about["steps"] == result.about["best_step"] + 2 < 9
    assert trained(replace(config, steps=9, patience=2, learning_rate=1e-12)).about["steps"] == result.about["steps"]


def test_without_validation_pictures_the_last_weights_count(config: TrainConfig) -> None:
    dataset = replace(load(config.data), validation=())
    result = train(config, dataset, Progress(None))
    assert (result.about["steps"], result.about["best_step"]) == (3, 3)


def test_another_trainings_checkpoints_are_refused_and_forgotten_when_told_to(config: TrainConfig) -> None:
    trained(config)
    other = replace(config, seed=9, batch=3)
    with pytest.raises(TrainingFailed, match=r"another training, with other batch, seed.*--restart"):
        trained(other)
    assert trained(replace(other, restart=True)).about["steps"] == 3
    assert [each["step"] for each in records(config, "step")] == [1, 2, 3]


def test_pictures_may_go_but_not_change_before_it_goes_on(config: TrainConfig) -> None:
    dataset = load(config.data)
    train(config, dataset, Progress(None))
    train(config, replace(dataset, train=dataset.train[1:]), Progress(None))
    moved = replace(dataset.train[0], boxes=dataset.train[0].boxes * np.float32(0.9))
    with pytest.raises(TrainingFailed, match="with other pictures"):
        train(config, replace(dataset, train=(moved, *dataset.train[1:])), Progress(None))


def test_a_broken_checkpoint_is_passed_over_for_the_one_before(
    config: TrainConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = trained(config).model.state_dict()
    newest = config.out / "checkpoints" / "step-000000003.pt"
    newest.write_bytes(newest.read_bytes()[:-2000])
    again = trained(config).model.state_dict()
    assert "step-000000003.pt cannot be read and is passed over" in capsys.readouterr().err
    assert all(torch.equal(value, weights[name]) for name, value in again.items())


def test_a_loss_that_is_no_number_ends_it_with_advice(config: TrainConfig) -> None:
    # Finite in the batch, infinite in the optimiser.
    with pytest.raises(TrainingFailed, match=r"At step \d+ the loss is no longer a number: a lower learning rate"):
        trained(replace(config, learning_rate=1e30, warmup=0))


def test_mixed_precision_is_for_gpus(config: TrainConfig) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(TrainingFailed, match="needs a GPU"):
        trained(replace(config, precision="mixed"))


def test_a_batch_is_shared_out_evenly_or_refused(config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    from training.settling import settle

    with pytest.raises(TrainingFailed, match="batch of 3 pictures cannot be shared out evenly among 2"):
        settle(replace(config, batch=3), (64, 64), 1, World(size=2))
    assert settle(replace(config, batch=None), (64, 64), 1, World(size=2)).batch == 8


def test_the_learning_rate_rises_and_falls() -> None:
    shares = [rate_share(step, 4, 100) for step in range(100)]
    assert shares[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert shares[4:] == sorted(shares[4:], reverse=True)
    assert 0.01 < shares[-1] < 0.02


# Batches -----------------------------------------------------------------------------------------------------------

PLAIN = Augment(flip=False, crop=False, scale=False, colour=False)


def numbered(tmp_path: Path, count: int) -> Dataset:
    """Pictures that can be told apart by their colour."""
    dataset = load(write_folder(tmp_path, train=count, validation=1, test=1))
    for number, sample in enumerate(dataset.train):
        Image.new("RGB", (320, 320), (number * 10, 0, 0)).save(sample.path, "PNG")
    return dataset


def order(batches: Batches, steps: range) -> list[int]:
    return [round(pixels[0, 0, 0].item() / 10) for step in steps for pixels in batches.at(step).pixels]


def test_each_epoch_shows_every_picture_once_in_an_order_of_its_own(tmp_path: Path) -> None:
    batches = Batches(numbered(tmp_path, 5).train, (32, 32), 2, PLAIN, 0, World())
    seen = order(batches, range(10))
    epochs = [seen[first : first + 5] for first in range(0, 20, 5)]
    assert all(sorted(epoch) == [0, 1, 2, 3, 4] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_several_processes_share_the_same_batches(tmp_path: Path) -> None:
    samples = numbered(tmp_path, 5).train
    alone = order(Batches(samples, (32, 32), 4, PLAIN, 0, World()), range(3))
    parts = [Batches(samples, (32, 32), 4, PLAIN, 0, World(rank, 2, rank)) for rank in (0, 1)]
    shared = [number for step in range(3) for part in parts for number in order(part, range(step, step + 1))]
    assert shared == alone


def test_batches_from_the_middle_are_those_of_the_whole(tmp_path: Path) -> None:
    samples = numbered(tmp_path, 5).train
    batches = Batches(samples, (32, 32), 2, Augment(transpose=True), 0, World())
    batches.keep_pictures()
    for readers in (1, 3):
        ahead = batches.from_step(4, readers)
        for step in (4, 5, 6):
            one, other = next(ahead), Batches(samples, (32, 32), 2, Augment(transpose=True), 0, World()).at(step)
            assert torch.equal(one.pixels, other.pixels)
            pairs = zip(one.targets, other.targets, strict=True)
            assert all(torch.equal(mine["boxes"], theirs["boxes"]) for mine, theirs in pairs)
        ahead.close()


def test_a_removed_picture_is_replaced_by_another(tmp_path: Path) -> None:
    samples = numbered(tmp_path, 3).train
    batches = Batches(samples, (32, 32), 3, PLAIN, 0, World())
    samples[1].path.unlink()
    batches.keep_pictures()
    assert sorted(order(batches, range(1))) == [0, 2, 2]
    for sample in samples:
        sample.path.unlink(missing_ok=True)
    with pytest.raises(DataError, match="All pictures"):
        Batches(samples, (32, 32), 3, PLAIN, 0, World()).at(0)
