"""The arguments of `python -m training train` for a version."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from portal.finetuning import starts
from portal.finetuning.models import ModelVersion
from portal.finetuning.problems import CannotTrain
from portal.finetuning.promoting import running, running_folder


def training_arguments(version: ModelVersion, data: Path, run: Path) -> list[str]:
    """For a training on this machine. Raises CannotTrain when the files of what it starts from, or is compared with,
    are gone."""
    # One processor is left to the recognition of images.
    options: Mapping[str, Any] = {"threads": max(1, (os.cpu_count() or 1) - 1), **version.options}
    arguments = [
        *("--data", str(data), "--out", str(run)),
        *("--name", version.name, "--model-version", str(version.version)),
        *("--start", starts.argument(version.start), "--cache", str(settings.MODELS_DIR)),
    ]
    for name, value in options.items():
        arguments += [f"--{name.replace('_', '-')}", str(value).lower() if isinstance(value, bool) else str(value)]
    running_version, folder = running(), running_folder()
    if running_version and not folder:
        raise CannotTrain(
            f"The files of {running_version}, which runs now, are gone: there is nothing to compare with."
        )
    return [*arguments, "--baseline-model", str(folder)] if folder else arguments
