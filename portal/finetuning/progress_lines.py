"""What a training writes about itself, read as it grows: RUN/progress.jsonl, one JSON object a line."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

MOST_POINTS: Final = 400

Points = list[tuple[int, float]]


@dataclass
class Progress:
    """How far a training is, from all that it wrote so far. `outcome` is "", "done", "stopped" or "failed".

    A training that goes on from a checkpoint repeats some steps: what it writes of them counts, not what was written
    before.
    """

    phase: str = ""
    steps_done: int = 0
    steps_total: int | None = None
    seconds_left: float | None = None
    loss: Points = field(default_factory=list)
    map50: Points = field(default_factory=list)
    outcome: str = ""
    message: str = ""

    def take(self, line: str | bytes) -> None:
        """Take one line into account; what is no record of ours is passed over."""
        try:
            record = json.loads(line)
        except ValueError:
            return
        if not isinstance(record, dict):
            return
        kind = record.get("kind")
        if kind == "phase":
            self.phase, self.seconds_left = str(record.get("phase", ""))[:20], None
            self.outcome, self.message = "", ""
        elif kind == "step":
            self._take_step(record)
        elif kind == "validation":
            _put(self.map50, record, "map50")
        elif kind in ("done", "stopped", "failed"):
            self.outcome, self.message = kind, str(record.get("message", ""))
            self.seconds_left = None

    def begin_again(self) -> None:
        """Another process goes on with it: how an earlier one ended says nothing any more."""
        self.phase, self.seconds_left, self.outcome, self.message = "preparing", None, "", ""

    def values(self) -> dict[str, Any]:
        """The same as fields of a ModelVersion; curves are thinned out."""
        return {
            "phase": self.phase,
            "steps_done": self.steps_done,
            "steps_total": self.steps_total,
            "seconds_left": self.seconds_left,
            "curve": {"loss": _thinned(self.loss), "map50": _thinned(self.map50)},
        }

    def _take_step(self, record: Mapping[str, Any]) -> None:
        step, of, left = (_number(record.get(name)) for name in ("step", "of", "seconds_left"))
        if step is None:
            return
        self.steps_done = int(step)
        self.steps_total = self.steps_total if of is None else int(of)
        self.seconds_left = left
        # Measured after it, so the step is repeated: as are the validations from there on.
        while self.map50 and self.map50[-1][0] > step:
            self.map50.pop()
        _put(self.loss, record, "loss")


class Follower:
    """Reads a file as it grows, or is replaced. `more` says whether anything came since the last time."""

    def __init__(self, path: Path) -> None:
        self.progress = Progress()
        self._path = path
        self._inode = 0
        self._position = 0

    def more(self) -> bool:
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return False
        with file:
            now = os.fstat(file.fileno())
            if now.st_ino != self._inode or now.st_size < self._position:
                self.progress, self._inode, self._position = Progress(), now.st_ino, 0
            file.seek(self._position)
            lines = file.read().split(b"\n")
        # The last one is not finished, or empty.
        for line in lines[:-1]:
            self.progress.take(line)
            self._position += len(line) + 1
        return len(lines) > 1


def progress_of(content: bytes) -> Progress:
    """All of a file at once."""
    progress = Progress()
    for line in content.splitlines():
        progress.take(line)
    return progress


def _put(points: Points, record: Mapping[str, Any], name: str) -> None:
    step, value = _number(record.get("step")), _number(record.get(name))
    if step is None or value is None:
        return
    while points and points[-1][0] >= step:
        points.pop()
    points.append((int(step), value))


def _number(value: object) -> float | None:
    """Databases have no place for what is not a finite number."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _thinned(points: Points) -> Points:
    """At most MOST_POINTS, evenly taken, the last among them."""
    stride = math.ceil(len(points) / MOST_POINTS)
    return points[::-1][:: max(1, stride)][::-1]
