"""`python -m training evaluate` and `compare`: models on one dataset, as a person sees them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.training import needs_torch  # noqa: F401
from training import starting
from training.__main__ import main
from training.drawn import write_folder
from training.shapes import SHAPES

pytestmark = pytest.mark.torch

KNOWN = starting.KNOWN["tiny-shapes"]
FILES = ("model.onnx", "config.json", "preprocessor_config.json")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("data"), SHAPES, train=1, validation=1, test=12, seed=7)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return model(tmp_path / "good", SHAPES)


@pytest.fixture
def confused(tmp_path: Path) -> Path:
    """The same network, which calls everything by another name."""
    return model(tmp_path / "confused", (*SHAPES[1:], SHAPES[0]))


def model(folder: Path, names: tuple[str, ...]) -> Path:
    folder.mkdir()
    for name in FILES:
        shutil.copyfile(Path(str(KNOWN)) / name, folder / name)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"id2label": dict(enumerate(names))}))
    return folder


def test_a_model_is_measured_on_the_test_pictures(
    data: Path, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", f"--model={good}", f"--data={data}", f"--out={tmp_path / 'numbers.json'}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert numbers["images"] == 12
    assert numbers["map50"][0] > 0.7
    assert lines[0].endswith("12 test images of Drawn shapes, version 1")
    assert lines[1].split() == ["class", "boxes", "AP50", "precision", "recall", "F1", "threshold"]
    assert [line.split()[0] for line in lines[2:-1]] == list(SHAPES)
    assert lines[-1].startswith(f"mAP50 {numbers['map50'][0]:.3f} (")


def test_the_better_one_passes(data: Path, good: Path, confused: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gate = ("--least-images=10", "--least-boxes=1")
    assert main(["compare", str(confused), str(good), f"--data={data}", *gate]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("passed: ")


def test_the_worse_one_is_refused_with_the_reasons(
    data: Path, good: Path, confused: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(good), str(confused), f"--data={data}", "--least-boxes=1"]) == 1
    shown = capsys.readouterr().out
    assert "refused: " in shown
    assert "(AP50), by more than the 0.05 allowed." in shown
    assert "It is worse than" in shown


def test_too_little_evidence_is_refused(
    data: Path, good: Path, confused: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(confused), str(good), f"--data={data}", "--least-images=100"]) == 1
    assert "12 test images, and a verdict needs 100." in capsys.readouterr().out


def test_what_is_no_model_is_said_in_one_line(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", f"--model={tmp_path}", f"--data={data}"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("There is no model to compare with in ")
    assert error.count("\n") == 1


def numbers(name: str, value: float) -> dict[str, object]:
    interval = [value, value - 0.1, value + 0.1]
    return {"name": name, "version": "1", "classes": {"cross": {"ap50": interval}}, "map50": interval}


def test_two_reports_are_shown_side_by_side_without_a_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("old", 0.6), ("new", 0.7)):
        (tmp_path / name).mkdir()
        report = {"schema": "imagesift.report/1", "dataset": {"name": name}, "candidate": numbers(name, value)}
        (tmp_path / name / "report.json").write_text(json.dumps(report))
    assert main(["compare", str(tmp_path / "old"), str(tmp_path / "new/report.json")]) == 0
    shown = capsys.readouterr().out
    assert "mAP50 0.600 (0.500 to 0.700) 0.700 (0.600 to 0.800)" in " ".join(shown.split())
    assert "different datasets" in shown
    assert "no verdict" in shown


def test_without_test_pictures_there_is_nothing_to_measure_on(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_folder(tmp_path / "data", SHAPES, train=1, validation=1, test=0)
    assert main(["evaluate", f"--model={good}", f"--data={data}"]) == 1
    assert "has no test pictures" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_said_before_anything_is_measured(
    data: Path, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", f"--model={good}", f"--data={data}", f"--out={tmp_path}"]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"{tmp_path} cannot be written: Is a directory.\n")


def test_what_is_no_report_is_said_in_one_line(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(good), str(good)]) == 1
    assert "is no report. Two model folders are compared on a dataset: give --data." in capsys.readouterr().err
