"""What a training job on SageMaker starts: the packed source alone, in a folder laid out like /opt/ml."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import tests.training.needs_torch  # noqa: F401
from infra.archives.source import pack_source
from training.drawn import write_folder

HYPERPARAMETERS = {
    "name": "shapes",
    "model_version": "1",
    "start": "tiny-shapes",
    "steps": "4",
    "side": "96",
    "checkpoint_every": "2",
    "threads": "1",
    "least_images": "1",
}


BASELINES = {"schema": "imagesift.baselines/1", "detectors": []}


@pytest.fixture
def opt_ml(tmp_path: Path) -> Path:
    """The job's own folder: lists and pictures lie in channels of their own."""
    root = tmp_path / "ml"
    data = write_folder(tmp_path / "drawn", train=6, validation=3, test=3)
    channels = root / "input" / "data"
    channels.mkdir(parents=True)
    shutil.move(data / "annotations", channels / "annotations")
    shutil.move(data / "images", channels / "images")
    (channels / "annotations" / "baselines.json").write_text(json.dumps(BASELINES))
    (root / "input" / "config").mkdir()
    (root / "input" / "config" / "hyperparameters.json").write_text(json.dumps(HYPERPARAMETERS))
    return root


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "job"
    with tarfile.open(pack_source(tmp_path / "packed")) as tar:
        tar.extractall(folder, filter="data")
    # No test installs anything: that it is asked for is all that can be seen here.
    (folder / "pip").mkdir()
    (folder / "pip" / "__init__.py").touch()
    (folder / "pip" / "__main__.py").write_text(
        "import pathlib, sys\npathlib.Path('asked').write_text(' '.join(sys.argv[1:]))\n"
    )
    return folder


def run(source: Path, opt_ml: Path) -> subprocess.CompletedProcess[str]:
    """With nothing of this repository on the way, as the job would have it."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment |= {"OPT_ML": str(opt_ml), "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    command = ["bash", "training/job.sh"]
    return subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)


def test_the_packed_source_trains_in_the_jobs_folder(source: Path, opt_ml: Path) -> None:
    done = run(source, opt_ml)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "-r training/requirements.txt" in (source / "asked").read_text()
    assert "step=4 loss=" in done.stdout, "SageMaker reads its metrics there"
    result = opt_ml / "checkpoints" / "result"
    verdict = json.loads((result / "verdict.json").read_text())["verdict"]
    assert verdict in ("passed", "refused")
    assert (result / "model.tar.gz").stat().st_size > 0
    assert json.loads((result / "model" / "imagesift.json").read_text())["name"] == "shapes"
    kept = [path for name in ("model", "output") for path in (opt_ml / name).rglob("*") if path.is_file()]
    assert kept == [], "SageMaker would keep it once more, where nobody erases a picture"


def test_channels_that_nobody_may_write_to_are_copied(source: Path, opt_ml: Path) -> None:
    (opt_ml / "input" / "data" / "baselines.json").mkdir()
    (opt_ml / "input" / "data" / "baselines.json" / "baselines.json").mkdir()
    done = run(source, opt_ml)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((source / "data" / "baselines.json").read_text()) == BASELINES


def test_what_is_wrong_with_the_data_stands_where_sagemaker_reads_it(source: Path, opt_ml: Path) -> None:
    next((opt_ml / "input" / "data" / "images").iterdir()).unlink()
    done = run(source, opt_ml)
    assert done.returncode == 1
    failure = (opt_ml / "output" / "failure").read_text()
    assert failure.count("\n") == 1
    assert "images/" in failure


def test_a_job_without_its_libraries_says_so(source: Path, opt_ml: Path) -> None:
    (source / "pip" / "__main__.py").write_text("raise SystemExit(1)\n")
    done = run(source, opt_ml)
    assert done.returncode == 1
    assert "package index" in (opt_ml / "output" / "failure").read_text()
