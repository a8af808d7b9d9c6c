"""All that a training needs to go on exactly, written so that a process killed at any moment leaves a whole one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from training.errors import TrainingFailed

# Should the newest turn out broken (a disk that lied, a copy to S3 cut off), there is one before it.
_KEPT: Final = 2
_NAME = re.compile(r"step-(\d{9})\.pt")


class Checkpoints:
    """Files in one folder, each of one step.

    `training` says which training they are of: others' are refused. Its `pictures` may have become fewer, since people
    delete theirs. Randomness needs no place in a checkpoint: each step's is a function of the seed and the step.
    """

    def __init__(self, folder: Path, training: Mapping[str, Any]) -> None:
        self._folder = folder
        self._training = dict(training)

    def forget(self) -> None:
        for path in self._folder.glob("step-*"):
            path.unlink()

    def save(self, step: int, state: Mapping[str, Any]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        final = self._folder / f"step-{step:09d}.pt"
        partial = final.with_suffix(".partial")
        try:
            with partial.open("wb") as file:
                torch.save({"training": self._training, "state": dict(state)}, file)
                file.flush()
                os.fsync(file.fileno())
        except (OSError, RuntimeError) as error:
            # PyTorch's own words for a full disk speak of positions in an archive.
            partial.unlink(missing_ok=True)
            raise TrainingFailed(f"No checkpoint can be written to {self._folder}: is the disk full?") from error
        partial.replace(final)
        # Later ones could not be read, or it would have gone on from there: they must not outlive this one.
        later = [path for path in self._all() if path.name > final.name]
        kept = [path for path in self._all() if path not in later]
        for old in (*later, *kept[_KEPT:], *self._folder.glob("step-*.partial")):
            old.unlink()

    def newest(self) -> dict[str, Any] | None:
        """The state that was saved last and can be read. Raises TrainingFailed if it is another training's."""
        for path in self._all():
            try:
                content = torch.load(path, map_location="cpu", weights_only=True)
            except Exception as error:  # noqa: BLE001 - PyTorch documents no set of errors for a broken file
                sys.stderr.write(f"{path.name} cannot be read and is passed over: {type(error).__name__}\n")
                continue
            self._require_same(content["training"])
            state: dict[str, Any] = content["state"]
            return state
        return None

    def _require_same(self, other: Mapping[str, Any]) -> None:
        differing = [key for key in other if key != "pictures" and other[key] != self._training.get(key)]
        if not set(self._training["pictures"]) <= set(other["pictures"]):
            differing.append("pictures")
        if differing:
            raise TrainingFailed(
                f"{self._folder.parent} holds the checkpoints of another training, with other "
                f"{', '.join(key.replace('_', ' ') for key in differing)}. "
                "Take another folder, or begin again with --restart."
            )

    def _all(self) -> list[Path]:
        """The newest first."""
        return sorted((path for path in self._folder.glob("step-*.pt") if _NAME.fullmatch(path.name)), reverse=True)
