"""The process that trains: `python -m training train`, in a session of its own, at low priority."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.conf import settings
from filelock import FileLock, Timeout

COMMAND: tuple[str, ...] = (sys.executable, "-m", "training", "train")
# Recognition goes on beside it and comes first.
NICENESS: Final = 10
# Exit statuses: another process is at the same run; it was told to end, be it before it could say so.
LOCKED: Final = 3
TOLD_TO_END: Final = (143, -signal.SIGTERM)
LONGEST_MESSAGE: Final = 500


class Child:
    """A training under way in the folder `run`: one that this process started, or one that outlived its worker."""

    def __init__(self, run: Path, process: subprocess.Popen[bytes] | None) -> None:
        self._run = run
        self._process = process
        self._asked_at: float | None = None

    @classmethod
    def started(cls, run: Path, arguments: Sequence[str], errors: Path) -> Child:
        """Start one. What it says on stderr goes into the file `errors`."""
        run.mkdir(parents=True, exist_ok=True)
        with errors.open("wb") as file:
            process = subprocess.Popen(  # noqa: S603 (numbers, names that were checked, and folders of our own)
                [*COMMAND, *arguments],
                cwd=settings.BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=file,
                start_new_session=True,
            )
        with suppress(ProcessLookupError):
            priority = min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
            os.setpriority(os.PRIO_PROCESS, process.pid, priority)
        return cls(run, process)

    @classmethod
    def outliving(cls, run: Path) -> Child | None:
        """The one that somebody else started and that is still at it, if there is one."""
        return cls(run, None) if _is_locked(run) else None

    @property
    def status(self) -> int | None:
        """Its exit status once it has ended; None for one that we did not start."""
        return self._process.poll() if self._process else None

    def has_ended(self) -> bool:
        return self.status is not None if self._process else not _is_locked(self._run)

    def ask_to_end(self, patience: float) -> None:
        """Have it write a checkpoint and end. Asked again after `patience` seconds it is ended at once."""
        if self._asked_at is None:
            self._asked_at = time.monotonic()
            self._signal(signal.SIGTERM)
        elif time.monotonic() > self._asked_at + patience:
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(FileNotFoundError, ValueError, ProcessLookupError):
            pid = self._process.pid if self._process else int((self._run / "pid").read_text())
            # Until then the number is its own: a process of ours is waited for, any other one holds the lock.
            if not self.has_ended():
                # Its group is its own as well: at the end nothing that it started is to live on.
                (os.killpg if number == signal.SIGKILL else os.kill)(pid, number)


def last_words(errors: Path) -> str:
    """The last line that it wrote on stderr."""
    try:
        lines = errors.read_text(errors="replace").split("\n")
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")[:LONGEST_MESSAGE]


def _is_locked(run: Path) -> bool:
    lock = FileLock(run / "lock")
    if not run.is_dir():
        return False
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
