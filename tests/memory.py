"""How much memory another process takes at most."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Linux counts into a process's peak what its parent had when it started it: so there is a small parent in between.
_BETWEEN = """
import pathlib, resource, subprocess, sys
subprocess.call(sys.argv[2:])
pathlib.Path(sys.argv[1]).write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
"""


def peak_megabytes(command: Sequence[str | Path], told: Path, **options: Any) -> tuple[int, str]:
    """Run a command, whatever its exit status: the peak of its resident memory, and what it printed.

    The file `told` is written to for that.
    """
    between = [sys.executable, "-c", _BETWEEN, told, *command]
    done = subprocess.run(between, stdout=subprocess.PIPE, text=True, check=True, **options)
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return int(told.read_text()) // unit, done.stdout
