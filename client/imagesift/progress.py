"""How far an upload is: a bar on a terminal, a line every few seconds elsewhere, nothing where nobody asks for it."""

from __future__ import annotations

import shutil
import sys
import time
from collections import deque
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self, TextIO

from imagesift.terminal import size

BAR_SECONDS = 0.1
LINE_SECONDS = 5.0
# The rate is that of the last seconds, so that it tells of now.
_RATE_SECONDS = 10.0
_BAR_WIDTH = 24


class Progress:
    """Counts files and bytes, from any thread, and shows them on stderr from one of its own until it is left."""

    def __init__(self, files: int, total_bytes: int, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._files, self._bytes = files, total_bytes
        self._done_files = self._done_bytes = self._sent_bytes = 0
        self._stream = stream or sys.stderr
        self._quiet, self._on_terminal = quiet, self._stream.isatty()
        self._history: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self._lock, self._over = Lock(), Event()
        self._thread = Thread(target=self._show, daemon=True)

    def __enter__(self) -> Self:
        if not self._quiet:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if not self._quiet:
            self._thread.join()
            self._clear()

    def sent(self, byte_count: int) -> None:
        """So many bytes more went out; less than nothing for those that must go again."""
        with self._lock:
            self._sent_bytes += byte_count
            self._done_bytes += byte_count

    def settled(self, unsent_bytes: int = 0) -> None:
        """One file more needs nothing any more; so many of its bytes were never sent."""
        with self._lock:
            self._done_files += 1
            self._done_bytes += unsent_bytes

    def note(self, sentence: str) -> None:
        """Something that the person should know while they wait."""
        if self._quiet:
            return
        with self._lock:
            self._clear()
            self._write(f"{sentence}\n")

    def line(self) -> str:
        """Where it stands, in words."""
        with self._lock:
            now = time.monotonic()
            self._history.append((now, self._sent_bytes))
            while self._history[0][0] < now - _RATE_SECONDS and len(self._history) > 2:
                self._history.popleft()
            (began, before), done_bytes = self._history[0], self._done_bytes
            rate = max(0.0, (self._sent_bytes - before) / (now - began)) if now > began else 0.0
            files = f"{self._done_files:,} of {self._files:,} files"
        left = f", {_clock((self._bytes - done_bytes) / rate)} left" if rate and done_bytes < self._bytes else ""
        return f"{files}, {size(max(0, done_bytes))} of {size(self._bytes)}, {size(rate)}/s{left}"

    def _show(self) -> None:
        while not self._over.wait(BAR_SECONDS if self._on_terminal else LINE_SECONDS):
            text = self.line()
            with self._lock:
                self._write(f"\r{self._bar(text)}" if self._on_terminal else f"{text}\n")

    def _bar(self, text: str) -> str:
        full = min(1.0, max(0.0, self._done_bytes / self._bytes)) if self._bytes else 1.0
        filled = int(full * _BAR_WIDTH)
        columns = shutil.get_terminal_size().columns - 1
        return f"[{'#' * filled}{'-' * (_BAR_WIDTH - filled)}] {text}"[:columns].ljust(columns)

    def _clear(self) -> None:
        if self._on_terminal:
            self._write(f"\r{' ' * (shutil.get_terminal_size().columns - 1)}\r")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _clock(seconds: float) -> str:
    """90 seconds are 1:30, and 3,700 are 1:01:40."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
