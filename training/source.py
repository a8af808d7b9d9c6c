"""The code of a training job: what its container is given, and nothing of the rest of the repository."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import recognition
import training

REQUIREMENTS: Final = "requirements.txt"
COMMAND: Final = "exec $SM_PYTHON_CMD -m training train"
"""Run in the unpacked source; SageMaker's start script sets the variable. Without `exec`, a signal to end would reach
the script alone, and a spot machine that is taken back would be left without a last checkpoint."""


def write_source(folder: Path) -> Path:
    """The packages `training` and `recognition` as files in `folder`, with the requirements at its root.

    Starts are left out: a job gets the one that it needs as a channel.
    """
    for package in (training, recognition):
        source = Path(str(package.__file__)).parent
        for path in source.rglob("*.py"):
            target = folder / source.name / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    shutil.copyfile(Path(training.__file__).with_name(REQUIREMENTS), folder / REQUIREMENTS)
    return folder
