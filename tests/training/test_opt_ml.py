"""A training job's container as our code sees it: the job's source, its channels, SM_* variables, and nothing else."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.requirements import required
from training import starting
from training.drawn import write_folder
from training.source import COMMAND, write_source

if importlib.util.find_spec("torch") is None:
    required("torch", "PyTorch is not installed (make training)")

pytestmark = [pytest.mark.torch, pytest.mark.slow]


@pytest.fixture
def opt_ml(tmp_path: Path) -> Path:
    """As SageMaker lays it out: https://docs.aws.amazon.com/sagemaker/latest/dg/amazon-sagemaker-toolkits.html"""
    root = tmp_path / "ml"
    channels = root / "input/data"
    write_folder(channels / "data", train=5, validation=2, test=3)
    (channels / "start").symlink_to(starting.KNOWN["tiny-shapes"])  # type: ignore[arg-type]
    write_source(channels / "code")
    for name in ("model", "output/data", "checkpoints"):
        (root / name).mkdir(parents=True)
    return root


def environ(root: Path, hyperparameters: dict[str, object]) -> dict[str, str]:
    """What the SDK's container drivers set, and nothing of this process's."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "OMP_NUM_THREADS": "1",
        "SM_PYTHON_CMD": sys.executable,
        "SM_MODEL_DIR": str(root / "model"),
        "SM_OUTPUT_DIR": str(root / "output"),
        "SM_OUTPUT_DATA_DIR": str(root / "output/data"),
        "SM_CHANNEL_DATA": str(root / "input/data/data"),
        "SM_CHANNEL_START": str(root / "input/data/start"),
        "SM_CHANNEL_CODE": str(root / "input/data/code"),
        "SM_CHANNELS": '["data", "start", "code"]',
        "SM_NUM_GPUS": "0",
        "SM_HPS": json.dumps({"out": str(root / "checkpoints"), **hyperparameters}),
    }


def run(root: Path, **hyperparameters: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", "-c", COMMAND],
        cwd=root / "input/data/code",
        env=environ(root, hyperparameters),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_a_job_trains_with_only_what_it_is_given(opt_ml: Path) -> None:
    done = run(opt_ml, name="shapes", model_version=2, steps=4, side=64, batch=4, threads=1, flip="off")
    assert done.returncode == 0, done.stderr
    result = opt_ml / "checkpoints/result"
    assert json.loads((result / "report.json").read_text())["model"] == {"name": "shapes", "version": 2}
    assert "step=4 loss=" in done.stdout
    assert "step=4 validation_map=" in done.stdout
    # What SageMaker packs itself: the same as our own archive.
    assert {"model.onnx", "imagesift.json", "code", "torch"} <= {path.name for path in (opt_ml / "model").iterdir()}
    assert (opt_ml / "model/code/inference.py").is_file()
    assert (opt_ml / "output/data/report.json").read_bytes() == (result / "report.json").read_bytes()
    assert (opt_ml / "output/data/report/index.html").is_file()
    assert not (opt_ml / "output/failure").exists()


def test_a_job_that_fails_says_why_where_sagemaker_looks(opt_ml: Path) -> None:
    (opt_ml / "input/data/data/annotations/test.json").unlink()
    done = run(opt_ml, steps=4)
    assert done.returncode == 1
    failure = (opt_ml / "output/failure").read_text()
    assert "test.json cannot be read" in failure
    assert failure.count("\n") == 1


def test_the_source_holds_neither_starts_nor_anything_of_the_portal(opt_ml: Path) -> None:
    code = opt_ml / "input/data/code"
    assert {path.name for path in code.iterdir()} == {"recognition", "requirements.txt", "training"}
    assert not (code / "training/starts").exists()
    assert sum(path.stat().st_size for path in code.rglob("*") if path.is_file()) < 1_000_000


def test_the_requirements_are_what_is_tested_here() -> None:
    pinned = _pins(Path("training/requirements.txt"))
    assert {"onnx", "onnxruntime", "transformers"} <= pinned.keys()
    tested = _pins(Path("requirements/dev.txt")) | _pins(Path("requirements/training.txt"))
    assert pinned == {name: tested[name] for name in pinned}


def _pins(path: Path) -> dict[str, str]:
    root = Path(__file__).parents[2]
    lines = (line.split()[0] for line in (root / path).read_text().splitlines() if "==" in line)
    return dict(line.split("==") for line in lines if not line.startswith(("#", "-")))
