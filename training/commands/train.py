"""`train`: a whole training on this machine, which may be one of SageMaker's."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext

from training.config import parse
from training.holding import PROGRESS, Locked, Status, held
from training.progress import Progress
from training.stopping import Stopped, raising


def main(arguments: Sequence[str]) -> int:
    config = parse(arguments, os.environ)
    # The process that started torchrun's children holds the folder for them.
    is_child = "TORCHELASTIC_RUN_ID" in os.environ
    try:
        with raising(), nullcontext() if is_child else held(config.out):
            # Now that there is something to do: PyTorch takes seconds to import.
            from training.run import run

            return run(config)
    except Stopped:
        Progress(config.out / PROGRESS).stopped()
        return Status.STOPPED
    except Locked as error:
        sys.stderr.write(f"{error}\n")
        return Status.LOCKED
