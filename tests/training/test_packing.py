"""The archive: the same bytes for the same model, and nothing in it that serving has no use for."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import pytest

from tests.training.finished import finish
from tests.training.taught import drawn
from training.baselines import model_folder
from training.packing import pack, requirements, unpacked

pytestmark = pytest.mark.torch

MODEL = {"model.onnx", "config.json", "preprocessor_config.json", "imagesift.json"}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    finish(drawn(tmp_path_factory.mktemp("drawn"), validation=2, test=2), out)
    return out


def names(archive: Path) -> set[str]:
    with tarfile.open(archive) as tar:
        return set(tar.getnames())


def test_it_holds_the_model_its_code_and_the_next_start(out: Path) -> None:
    inside = names(out / "model.tar.gz")
    assert {name for name in inside if "/" not in name} == MODEL
    assert {f"torch/{name}" for name in ("config.json", "model.safetensors", "preprocessor_config.json")} <= inside
    assert {"code/inference.py", "code/requirements.txt", "code/recognition/detectors/onnx.py"} <= inside
    assert not any("portal" in name or "rekognition" in name or name.endswith(".pyc") for name in inside)


def test_the_same_model_makes_the_same_bytes(out: Path) -> None:
    before = (out / "model.tar.gz").read_bytes()
    for path in (*(out / "model").iterdir(), *(out / "torch").iterdir()):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(0o600)
    assert pack(out).read_bytes() == before
    (out / "model" / "imagesift.json").write_text("{}")
    assert pack(out).read_bytes() != before


def test_its_files_belong_to_nobody_and_everybody_may_read_them(out: Path) -> None:
    with tarfile.open(pack(out)) as tar:
        for member in tar:
            assert member.isfile()
            assert (member.mode, member.uid, member.gid, member.mtime) == (0o644, 0, 0, 0)


def test_serving_installs_the_runtime_that_the_model_was_checked_with() -> None:
    import onnxruntime

    assert f"onnxruntime=={onnxruntime.__version__}" in requirements().splitlines()


def test_a_training_job_leaves_the_same_files_unpacked(out: Path, tmp_path: Path) -> None:
    unpacked(out, tmp_path / "model")
    files = {
        path.relative_to(tmp_path / "model").as_posix() for path in (tmp_path / "model").rglob("*") if path.is_file()
    }
    assert files == names(pack(out))


def test_a_packed_model_can_be_compared_with(out: Path, tmp_path: Path) -> None:
    """As a channel of a training job holds it: the archive alone in a folder."""
    (tmp_path / "model.tar.gz").write_bytes(pack(out).read_bytes())
    for source in (tmp_path, tmp_path / "model.tar.gz", out / "model"):
        with model_folder(source) as folder:
            assert {path.name for path in folder.iterdir()} >= MODEL
            assert json.loads((folder / "config.json").read_text())["model_type"] == "rt_detr_v2"
