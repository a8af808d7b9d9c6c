"""`manage.py recognize`: files in, a table or JSON out, without the database."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from PIL import Image
from skimage import data

import training
from recognition.result import Result, Status
from tests.hostile import flat_rgba_png, hostile_files
from tests.memory import peak_megabytes

TINY_MODEL = Path(training.__file__).parent / "starts" / "tiny-shapes"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "astronaut.jpg"
    Image.fromarray(data.astronaut()).save(path)
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    return path


def run(*arguments: str, detectors: str = "properties", data_dir: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "IMAGESIFT_DATA": str(data_dir), "DETECTORS": detectors}
    # A database that cannot be there: the command must not look for one.
    environment["DATABASE_URL"] = "postgres://nobody@127.0.0.1:1/nothing"
    command = [sys.executable, "manage.py", "recognize", *arguments]
    return subprocess.run(command, cwd=django_settings.BASE_DIR, env=environment, capture_output=True, text=True)


def test_json_holds_one_result_for_each_file_in_the_order_given(photo: Path, broken: Path, tmp_path: Path) -> None:
    done = run("--json", str(broken), str(photo), str(tmp_path / "nothing.jpg"), data_dir=tmp_path)
    results = [Result.from_dict(document) for document in json.loads(done.stdout)]
    assert [result.status for result in results] == [Status.FAILED, Status.RECOGNIZED, Status.FAILED]
    assert [result.failure.code for result in results if result.failure] == ["svg_not_supported", "unreadable_file"]
    assert [Path(result.source.key).name for result in results] == ["broken.jpg", "astronaut.jpg", "nothing.jpg"]
    assert done.returncode == 1


def test_all_recognised_is_exit_code_0(photo: Path, tmp_path: Path) -> None:
    done = run("--json", str(photo), data_dir=tmp_path)
    assert done.returncode == 0
    assert len(json.loads(done.stdout)) == 1


def test_the_table_shows_labels_to_people(photo: Path, settings: Any) -> None:
    settings.DETECTORS = ("faces", "properties")
    printed = io.StringIO()
    call_command("recognize", str(photo), stdout=printed)
    assert "astronaut.jpg" in printed.getvalue()
    assert "Face" in printed.getvalue()


def test_text_in_a_picture_is_not_taken_for_markup(tmp_path: Path, settings: Any) -> None:
    settings.DETECTORS = ("properties",)
    path = tmp_path / "[bold]red.png"
    Image.new("RGB", (64, 64), "red").save(path)
    printed = io.StringIO()
    call_command("recognize", str(path), stdout=printed)
    assert "[bold]red.png" in printed.getvalue()


@pytest.mark.slow
def test_hostile_files_get_their_own_sentences_in_less_than_a_gigabyte(tmp_path: Path) -> None:
    """With every detector loaded, and the largest pictures that are still allowed among the hostile files."""
    paths = []
    for number, hostile in enumerate(hostile_files()):
        path = tmp_path / str(number) / hostile.filename
        path.parent.mkdir()
        path.write_bytes(hostile.content)
        paths.append(str(path))
    largest = tmp_path / "largest.png"
    largest.write_bytes(flat_rgba_png(10_000, 10_000))
    allowed, *refused = measured("--json", str(largest), *paths, data_dir=tmp_path)
    assert allowed["status"] == "recognized"
    assert [result["failure"]["code"] for result in refused] == [hostile.expected_code for hostile in hostile_files()]
    sentences = {result["failure"]["code"]: result["failure"]["message"] for result in refused}
    assert len(set(sentences.values())) == len(sentences)


def measured(*arguments: str, data_dir: Path) -> list[dict[str, Any]]:
    """What the command printed, if it stayed below a gigabyte all the time."""
    environment = {**os.environ, "IMAGESIFT_DATA": str(data_dir), "ONNX_MODEL": str(TINY_MODEL)}
    command = [sys.executable, "manage.py", "recognize", *arguments]
    peak, printed = peak_megabytes(command, data_dir / "peak", cwd=django_settings.BASE_DIR, env=environment)
    assert peak < 1_000
    results: list[dict[str, Any]] = json.loads(printed)
    return results
