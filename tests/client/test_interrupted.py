"""An upload that Ctrl+C ends: it says where it stands, and the same command goes on from there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.client.fake_portal import FakePortal, Trouble

COMMAND = [sys.executable, "-m", "imagesift", "upload"]
FILES = 120
CLIENT = Path(__file__).parents[2] / "client"


@pytest.mark.skipif(sys.platform == "win32", reason="there Ctrl+C goes to a console")
def test_ctrl_c_ends_with_a_summary_and_the_same_command_goes_on(portal: FakePortal, tmp_path: Path) -> None:
    folder = tmp_path / "photos of mine"
    folder.mkdir()
    # So many that none of a busy machine's pauses is long enough for all of them.
    for number in range(FILES):
        (folder / f"{number}.jpg").write_bytes(f"photo {number}".encode())
    portal.trouble["upload"].extend(Trouble(seconds=0.2) for _ in range(FILES))
    environment = {**os.environ, "PYTHONPATH": str(CLIENT)}
    upload = subprocess.Popen([*COMMAND, str(folder)], env=environment, stdout=-1, stderr=-1, text=True)
    try:
        deadline = time.monotonic() + 30
        while len(portal.stored) < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        upload.send_signal(signal.SIGINT)
        interrupted = time.monotonic()
        said, told = upload.communicate(timeout=30)
    finally:
        upload.kill()
        upload.wait()
    assert upload.returncode == 130
    assert time.monotonic() - interrupted < 10
    assert f"{FILES} files:" in said
    assert "not come to" in said
    assert f"run it again: imagesift upload '{folder}'" in told
    assert "Traceback" not in told
    assert 5 <= len(portal.stored) < FILES
    portal.trouble.clear()
    again = subprocess.run([*COMMAND, str(folder)], env=environment, capture_output=True, text=True, check=True)
    assert len(portal.images) == len(portal.stored) == FILES
    assert " 0 there already" not in again.stdout


def test_what_reads_the_output_may_stop_reading(portal: FakePortal) -> None:
    reader = subprocess.Popen([sys.executable, "-c", "pass"], stdin=subprocess.PIPE)
    assert reader.stdin is not None
    reader.wait()
    environment = {**os.environ, "PYTHONPATH": str(CLIENT)}
    command = [sys.executable, "-m", "imagesift", "results"]
    done = subprocess.run(command, env=environment, stdout=reader.stdin, stderr=subprocess.PIPE, text=True, check=False)
    reader.stdin.close()
    assert done.stderr == ""
    assert done.returncode == 0
