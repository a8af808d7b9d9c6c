"""One process to a run folder, and what it ends with. Imports nothing that takes long: the second one ends at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from training.errors import TrainingFailed

PROGRESS: Final = "progress.jsonl"
"""In the run folder: what a training says of itself; see training/progress.py."""
RESULT: Final = "result"
"""In the run folder: the folder of all that came of it."""


class Status(IntEnum):
    """Of the process `train`; 2 is argparse's, for wrong arguments."""

    DONE = 0
    FAILED = 1
    LOCKED = 3
    STOPPED = 143


class Locked(Exception):
    """Another process is at it."""


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Within, no other process trains in `out`, and `out`/pid says which one does. Raises Locked, TrainingFailed."""
    lock = FileLock(out / "lock")
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise Locked(f"Another process trains in {out} already.") from None
    except OSError as error:
        raise TrainingFailed(f"{out} cannot be written: {error.strerror or error}.") from error
    try:
        (out / "pid").write_text(f"{os.getpid()}\n")
        yield
    finally:
        lock.release()
