"""One process for each GPU, started by torchrun and watched over by one that holds the run's lock."""

from __future__ import annotations

import signal
import subprocess
import sys
from types import FrameType
from typing import Final

_STOPPED: Final = 128 + signal.SIGTERM


def with_torchrun(processes: int) -> int:
    """Run this very command in so many processes on this machine. Returns its exit status, 143 when asked to end."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    # After `--`, or it would take our arguments for abbreviations of its own.
    child = subprocess.Popen([*torchrun, "-m", "--", "training", *sys.argv[1:]])  # noqa: S603 (our own arguments)
    asked = False

    def pass_on(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        child.terminate()

    before = {each: signal.signal(each, pass_on) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        status = child.wait()
    finally:
        for each, previous in before.items():
            signal.signal(each, previous)
    if asked:
        return _STOPPED
    return 1 if status else 0
