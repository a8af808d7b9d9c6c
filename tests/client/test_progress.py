"""How far an upload is, on a terminal and where there is none."""

from __future__ import annotations

import io
import time

import pytest

from imagesift import progress
from imagesift.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_files_bytes_rate_and_the_time_left_are_told() -> None:
    shown = Progress(10, 1_000_000, stream=io.StringIO())
    shown.sent(400_000)
    shown.settled()
    shown.settled(unsent_bytes=100_000)
    time.sleep(0.1)
    line = shown.line()
    assert line.startswith("2 of 10 files, 500 kB of 1 MB, ")
    assert "MB/s, 0:0" in line
    assert line.endswith(" left")


def test_a_terminal_has_one_line_that_is_gone_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "BAR_SECONDS", 0.01)
    terminal = Terminal()
    with Progress(2, 100, stream=terminal) as shown:
        shown.sent(50)
        time.sleep(0.1)
        shown.note("Trying again in 3 s.")
    text = terminal.getvalue()
    assert "\r[############------------] 0 of 2 files, 50 bytes of 100 bytes" in text
    assert text.count("\n") == 1
    assert text.split("\r")[-1] == ""


def test_elsewhere_there_are_plain_lines_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.02)
    log = io.StringIO()
    with Progress(2, 100, stream=log):
        time.sleep(0.1)
    assert "\r" not in log.getvalue()
    assert 1 <= log.getvalue().count("\n") <= 6


def test_quiet_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "BAR_SECONDS", 0.01)
    terminal = Terminal()
    with Progress(2, 100, quiet=True, stream=terminal) as shown:
        shown.note("Trying again.")
        time.sleep(0.05)
    assert terminal.getvalue() == ""
