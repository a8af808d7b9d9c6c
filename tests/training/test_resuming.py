"""A training that is killed, whenever that is, goes on and ends exactly as one that was left alone."""

from __future__ import annotations

import importlib.util
import json
import random
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.requirements import required
from tests.training.training_process import command, interrupted, to_the_end
from training.drawn import write_folder

if importlib.util.find_spec("torch") is None:
    required("torch", "PyTorch is not installed")

pytestmark = [pytest.mark.torch, pytest.mark.slow]

STEPS = 24


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Fewer than three batches: the end is in the ninth epoch.
    return write_folder(tmp_path_factory.mktemp("data"), train=11, validation=3, test=1)


@pytest.fixture(scope="module")
def left_alone(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("left_alone")
    assert to_the_end(command(data, out)) == 0
    return out


def records(out: Path, *kinds: str) -> list[dict[str, Any]]:
    """Without what depends on the clock."""
    every = [json.loads(line) for line in (out / "progress.jsonl").read_text().splitlines()]
    return [
        {key: value for key, value in each.items() if "seconds" not in key} for each in every if each["kind"] in kinds
    ]


def assert_ended_alike(out: Path, left_alone: Path) -> None:
    assert [each["step"] for each in records(out, "step")] == list(range(1, STEPS + 1))
    assert records(out, "step", "validation") == records(left_alone, "step", "validation")
    assert (out / "weights-0").read_text() == (left_alone / "weights-0").read_text()


def test_killed_at_random_three_times_it_ends_as_if_it_had_not_been(
    data: Path, left_alone: Path, tmp_path: Path
) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    steps = sorted(random.Random(seed).sample(range(1, STEPS), 3))
    print(f"killed at the steps {steps}")  # noqa: T201 - shown by a failure
    for step in steps:
        assert interrupted(command(data, tmp_path), tmp_path / "progress.jsonl", step, signal.SIGKILL) == -9
    assert to_the_end(command(data, tmp_path)) == 0
    assert_ended_alike(tmp_path, left_alone)


def test_asked_to_end_it_keeps_where_it_is_and_goes_on_from_there(data: Path, left_alone: Path, tmp_path: Path) -> None:
    assert interrupted(command(data, tmp_path), tmp_path / "progress.jsonl", 10, signal.SIGTERM) == 143
    assert records(tmp_path, "step", "stopped")[-1]["kind"] == "stopped"
    last = records(tmp_path, "step")[-1]["step"]
    assert (tmp_path / "checkpoints" / f"step-{last:09d}.pt").is_file()
    assert to_the_end(command(data, tmp_path)) == 0
    assert records(tmp_path, "stopped") == []
    assert_ended_alike(tmp_path, left_alone)


def test_two_processes_take_as_many_steps_and_end_with_the_same_weights(data: Path, tmp_path: Path) -> None:
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "--"]
    few = {"steps": 5, "validate-every": 3, "checkpoint-every": 2}
    assert to_the_end([*launch, *command(data, tmp_path, **few)[1:]]) == 0
    assert [each["step"] for each in records(tmp_path, "step")] == [1, 2, 3, 4, 5]
    assert [each["step"] for each in records(tmp_path, "validation")] == [3, 5]
    first, second = ((tmp_path / f"weights-{rank}").read_text().split() for rank in (0, 1))
    # Running means of what the network saw are each process's own: the first one's are kept.
    assert first[:3] == second[:3]
    assert first[1] == "5"
