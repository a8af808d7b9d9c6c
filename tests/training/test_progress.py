"""Progress for programs: whole lines at once, not too many, and gone back over when a training goes on."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

from training.config import METRIC_DEFINITIONS
from training.progress import Progress


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "progress.jsonl"


def test_each_record_is_on_the_disk_as_soon_as_it_is_told(path: Path) -> None:
    progress = Progress(path, least_seconds=0)
    progress.phase("training")
    assert records(path)[-1]["phase"] == "training"
    progress.step(1, 4, 2.5, 0.001, 0.25)
    about = {"kind": "step", "step": 1, "of": 4, "loss": 2.5, "learning_rate": 0.001, "seconds_per_step": 0.25}
    assert records(path)[-1] == {**about, "seconds_left": 0.8}
    progress.validation(2, 0.31, 0.52, best=True)
    assert records(path)[-1] == {"kind": "validation", "step": 2, "map": 0.31, "map50": 0.52, "best": True}
    progress.done("passed", 0.83)
    assert records(path)[-1] | {"at": ""} == {"kind": "done", "verdict": "passed", "map50": 0.83, "at": ""}
    progress.failed("No data.")
    assert records(path)[-1] | {"at": ""} == {"kind": "failed", "message": "No data.", "at": ""}
    progress.stopped()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z", records(path)[-1]["at"])


def test_steps_are_told_twice_a_second_and_the_last_always(path: Path) -> None:
    progress = Progress(path)
    told = 0
    for step in range(1, 101):
        if progress.is_due(step, 100):
            progress.step(step, 100, 1.0, 0.1, 0.001)
            told += 1
    assert [each["step"] for each in records(path)] == [1, 100]
    assert told == 2


def test_sagemaker_finds_its_metrics_in_the_output(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(path)
    progress.step(10, 100, 1.2341, 0.1, 0.001)
    progress.validation(50, 0.31, 0.52, best=False)
    output = capsys.readouterr().out
    found = [re.findall(each["Regex"], output) for each in METRIC_DEFINITIONS]
    assert found == [["1.2341"], ["0.3100"], ["0.5200"]]


def test_going_on_forgets_later_steps_and_the_end(path: Path) -> None:
    progress = Progress(path, least_seconds=0)
    progress.phase("training")
    for step in (1, 2, 3):
        progress.step(step, 3, 1.0, 0.1, 0.1)
        progress.validation(step, 0.1, 0.2, best=True)
    progress.stopped()
    Progress(path).rewind(2)
    kept = [(each["kind"], each.get("step")) for each in records(path)]
    assert kept == [("phase", None), ("step", 1), ("validation", 1), ("step", 2), ("validation", 2)]


def test_a_line_that_was_cut_off_by_a_kill_is_taken_away(path: Path) -> None:
    Progress(path).phase("training")
    with path.open("a") as file:
        file.write('{"kind": "step", "st')
    Progress(path).phase("evaluating")
    assert [each["phase"] for each in records(path)] == ["training", "evaluating"]


def test_only_the_first_of_several_processes_talks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(None)
    progress.phase("training")
    progress.step(1, 1, 1.0, 0.1, 0.1)
    progress.done("passed", 0.5)
    assert capsys.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_a_person_at_a_terminal_sees_a_bar_with_the_time_that_is_left(path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from training.progress import Progress\n"
        "progress = Progress(Path(sys.argv[1]), least_seconds=0)\n"
        "progress.phase('training')\n"
        "for step in range(1, 6): time.sleep(0.15); progress.step(step, 10, 1.5, 0.1, 0.15)\n"
        "progress.validation(5, 0.3, 0.5, best=True)\n"
        "progress.stopped()\n"
    )
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = _all_of(ours)
    assert process.returncode == 0
    assert "training …" in shown
    assert re.search(r"5/10 \[00:0\d<00:0\d.*loss=1\.500", shown)
    assert "step 5: validation mAP50 0.500, the best so far" in shown
    assert "step=" not in shown


def _all_of(terminal: int) -> str:
    shown = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # how Linux says that the other side is closed
            part = b""
        if not part:
            os.close(terminal)
            return shown.decode()
        shown += part
