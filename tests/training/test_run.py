"""`python -m training train` as a process: what it leaves, how it ends, and how it goes on."""

from __future__ import annotations

import importlib.util
import json
import shutil
import signal
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.requirements import required
from tests.training.training_process import interrupted, process, to_the_end
from training.config import TrainConfig
from training.drawn import write_folder

if importlib.util.find_spec("torch") is None:
    required("torch", "PyTorch is not installed (make training)")

pytestmark = [pytest.mark.torch, pytest.mark.slow]

FEW = ("--start=tiny-shapes", "--side=64", "--batch=4", "--threads=1", "--steps=6", "--checkpoint-every=2")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("data"), train=5, validation=2, test=3)


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished")
    assert to_the_end(train(data, out, "--name=shapes", "--model-version=4", *FEW)) == 0
    return out


def train(data: Path, out: Path, *more: str) -> list[str]:
    return ["-m", "training", "train", f"--data={data}", f"--out={out}", *more]


def records(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "progress.jsonl").read_text().splitlines()]


def test_everything_that_was_promised_lies_in_the_run_folder(finished: Path) -> None:
    result = finished / "result"
    model = {"model.onnx", "config.json", "preprocessor_config.json", "imagesift.json"}
    assert {path.name for path in (result / "model").iterdir()} == model
    torch = {"config.json", "model.safetensors", "preprocessor_config.json"}
    assert {path.name for path in (result / "torch").iterdir()} == torch
    assert (result / "report/index.html").read_text().startswith("<!")
    with tarfile.open(result / "model.tar.gz") as archive:
        assert {*model, "code/inference.py", "code/requirements.txt"} <= set(archive.getnames())
    assert (finished / "pid").read_text().strip().isdigit()


def test_report_and_verdict_are_of_this_training(finished: Path) -> None:
    report = json.loads((finished / "result/report.json").read_text())
    verdict = json.loads((finished / "result/verdict.json").read_text())
    assert report["schema"] == "imagesift.report/1"
    assert report["model"] == {"name": "shapes", "version": 4}
    assert report["dataset"]["images"] == {"train": 5, "validation": 2, "test": 3}
    assert (report["training"]["steps"], report["training"]["of"]) == (6, 6)
    assert verdict["schema"] == "imagesift.verdict/1"
    assert verdict["verdict"] == "refused"
    assert verdict["reasons"][0] == "There is too little to judge by: 3 test images, and a verdict needs 10."


def test_progress_tells_every_phase_and_the_end(finished: Path) -> None:
    told = records(finished)
    phases = [each["phase"] for each in told if each["kind"] == "phase"]
    assert phases == ["preparing", "training", "evaluating", "exporting", "packing"]
    assert told[-1]["kind"] == "done"
    assert told[-1]["verdict"] == "refused"
    assert [each["step"] for each in told if each["kind"] == "step"][-1] == 6


def test_a_finished_training_is_evaluated_anew_and_not_trained_again(
    data: Path, finished: Path, tmp_path: Path
) -> None:
    said = (finished / "result/report.json").read_text()
    (finished / "result/report.json").unlink()
    (finished / "result/left-over").write_text("of an earlier evaluation")
    assert to_the_end(train(data, finished, "--name=shapes", "--model-version=4", *FEW)) == 0
    assert json.loads((finished / "result/report.json").read_text())["candidate"] == json.loads(said)["candidate"]
    assert not (finished / "result/left-over").exists()
    assert [each["step"] for each in records(finished) if each["kind"] == "step"][-1] == 6


def test_asked_to_end_it_ends_with_143_and_goes_on_at_that_step(data: Path, tmp_path: Path) -> None:
    arguments = train(data, tmp_path, *FEW, "--steps=100000")
    assert interrupted(arguments, tmp_path / "progress.jsonl", 1, signal.SIGTERM) == 143
    assert records(tmp_path)[-1]["kind"] == "stopped"
    steps = [each["step"] for each in records(tmp_path) if each["kind"] == "step"]
    checkpoints = sorted((tmp_path / "checkpoints").iterdir())
    assert checkpoints
    assert str(steps[-1]) in checkpoints[-1].name
    assert interrupted(arguments, tmp_path / "progress.jsonl", steps[-1] + 1, signal.SIGTERM) == 143
    again = [each["step"] for each in records(tmp_path) if each["kind"] == "step"]
    assert again[: len(steps)] == steps
    assert again[len(steps)] == steps[-1] + 1


def test_asked_to_end_while_it_starts_it_does_so_as_well(data: Path, tmp_path: Path) -> None:
    with process(train(data, tmp_path, *FEW)) as run:
        while not (tmp_path / "pid").exists():
            time.sleep(0.002)
        run.send_signal(signal.SIGTERM)
        assert run.wait(timeout=60) == 143
    assert records(tmp_path)[-1]["kind"] == "stopped"


def test_of_two_processes_in_one_folder_the_second_ends_at_once_with_3(data: Path, tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock"), process(train(data, tmp_path, *FEW)) as second:
        output, _ = second.communicate(timeout=60)
    assert second.returncode == 3
    assert output == f"Another process trains in {tmp_path} already.\n"
    assert not (tmp_path / "progress.jsonl").exists()


def test_a_failure_is_one_sentence_on_stderr_in_the_progress_and_for_sagemaker(data: Path, tmp_path: Path) -> None:
    broken = json.loads((data / "annotations/train.json").read_text())
    broken["annotations"][0]["category_id"] = 99
    folder = tmp_path / "data"
    shutil.copytree(data, folder)
    (folder / "annotations/train.json").write_text(json.dumps(broken))
    failure = tmp_path / "output/failure"
    with process(train(folder, tmp_path / "run", *FEW, f"--failure-file={failure}")) as run:
        output, _ = run.communicate(timeout=60)
    assert run.returncode == 1
    sentence = output.strip()
    assert "has annotation 1 on images/" in sentence
    assert sentence.endswith("of category 99, which it does not name.")
    assert "\n" not in sentence
    assert failure.read_text() == sentence + "\n"
    assert records(tmp_path / "run")[-1] | {"at": ""} == {"kind": "failed", "message": sentence, "at": ""}


def test_what_a_training_would_end_with_is_looked_at_before_it(data: Path, tmp_path: Path) -> None:
    """A picture of the test that is cut short; a model to compare with that is none."""
    folder = tmp_path / "data"
    shutil.copytree(data, folder)
    picture = json.loads((folder / "annotations/test.json").read_text())["images"][0]["file_name"]
    content = (folder / picture).read_bytes()
    (folder / picture).write_bytes(content[: len(content) // 2])
    status, output = ends(train(folder, tmp_path / "one", *FEW))
    assert (status, picture in output) == (1, True)
    model = tmp_path / "model.tar.gz"
    model.write_bytes(b"\x1f\x8b\x08\x00" + bytes(20))
    status, output = ends(train(data, tmp_path / "two", *FEW, f"--baseline-model={model}"))
    assert (status, output.startswith("There is no model to compare with in model.tar.gz: ")) == (1, True)
    for out in ("one", "two"):
        assert [each["phase"] for each in records(tmp_path / out) if each["kind"] == "phase"] == ["preparing"]


def test_too_little_memory_is_told_with_what_needs_less(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a processor PyTorch raises a RuntimeError like any other; this is a real one."""
    run, torch = importlib.import_module("training.run"), importlib.import_module("torch")
    monkeypatch.setattr(run, "_make", lambda *_: torch.empty(10**15))
    assert run.run(TrainConfig(data, tmp_path)) == run.Status.FAILED
    assert "smaller picture size (--side)" in records(tmp_path)[-1]["message"]


def test_an_error_of_our_own_is_told_as_well(data: Path, tmp_path: Path) -> None:
    """A file where a folder is to be."""
    (tmp_path / "result").write_text("in the way")
    with process(train(data, tmp_path, *FEW, "--steps=1")) as run:
        output, _ = run.communicate(timeout=120)
    assert run.returncode == 1
    assert records(tmp_path)[-1]["message"] == output.strip().splitlines()[-1]
    assert "cannot be read or written" in output


def test_wrong_arguments_end_with_2(data: Path, tmp_path: Path) -> None:
    assert ends(train(data, tmp_path, "--stepps=6")) == (2, "unrecognized arguments: --stepps=6")
    assert not list(tmp_path.iterdir())


def test_several_processes_make_one_result(data: Path, tmp_path: Path) -> None:
    assert to_the_end(train(data, tmp_path, *FEW, "--gpus=2", "--steps=2")) == 0
    assert records(tmp_path)[-1]["kind"] == "done"
    assert json.loads((tmp_path / "result/report.json").read_text())["training"]["steps"] == 2


def ends(arguments: list[str]) -> tuple[int, str]:
    """The exit status and the end of the last line."""
    with process(arguments) as run:
        output, _ = run.communicate(timeout=60)
    return run.returncode, output.strip().rpartition("error: ")[2]


def test_without_a_command_it_lists_what_there_is() -> None:
    status, _ = ends(["-m", "training"])
    assert status == 2
    with process(["-m", "training", "--help"]) as run:
        output, _ = run.communicate(timeout=60)
    assert run.returncode == 0
    for name in ("train", "submit", "status", "evaluate", "compare", "register"):
        assert f"\n  {name} " in output
