"""How far a training has come: a line of JSON for programs, a line of text for SageMaker, a bar for a person."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from tqdm import tqdm

Phase = Literal["preparing", "training", "evaluating", "exporting", "packing"]

_MARKS: Final = frozenset({"step", "validation"})
_ENDS: Final = frozenset({"done", "stopped", "failed"})


class Progress:
    """Writes RUN/progress.jsonl, each record whole and at once; None writes nothing at all.

    Steps are recorded at most every `least_seconds`, and the last one always.
    """

    def __init__(self, path: Path | None, *, least_seconds: float = 0.5) -> None:
        self._path = path
        self._least_seconds = least_seconds
        self._last = float("-inf")
        self._bar: tqdm[Any] | None = None
        self._started: tuple[int, float] | None = None
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, _whole_lines(path))

    def phase(self, phase: Phase) -> None:
        self._close_bar()
        self._started = None
        self._record({"kind": "phase", "phase": phase, "at": _now()})
        if self._path and sys.stderr.isatty():
            sys.stderr.write(f"{phase} …\n")

    def rewind(self, step: int) -> None:
        """Forget what was said of later steps, and of an end: a training goes on from this one."""
        if self._path:
            _write(self._path, [line for line in _whole_lines(self._path) if _holds(json.loads(line), step)])

    def is_due(self, step: int, of: int) -> bool:
        """Whether a record of this step would be written."""
        return step == of or time.monotonic() - self._last >= self._least_seconds

    def step(self, step: int, of: int, loss: float, learning_rate: float, seconds_per_step: float) -> None:
        """`loss` is the mean since the last record."""
        self._last = now = time.monotonic()
        if self._started is None:
            self._started = (step, now)
        left = (of - step) * self._pace(step, now, seconds_per_step)
        about = {"step": step, "of": of, "loss": round(loss, 6), "learning_rate": learning_rate}
        times = {"seconds_per_step": round(seconds_per_step, 4), "seconds_left": round(left, 1)}
        self._record({"kind": "step", **about, **times})
        self._say(f"step={step} loss={loss:.4f}")
        self._draw(step, of, loss)

    def validation(self, step: int, map_: float, map50: float, *, best: bool) -> None:
        self._record({"kind": "validation", "step": step, "map": map_, "map50": map50, "best": best})
        self._say(f"step={step} validation_map={map_:.4f} validation_map50={map50:.4f}")
        if self._bar is not None:
            self._bar.write(
                f"step {step}: validation mAP50 {map50:.3f}{', the best so far' if best else ''}", sys.stderr
            )

    def done(self, verdict: str, map50: float) -> None:
        self._close_bar()
        self._record({"kind": "done", "verdict": verdict, "map50": map50, "at": _now()})

    def stopped(self) -> None:
        self._close_bar()
        self._record({"kind": "stopped", "at": _now()})

    def failed(self, message: str) -> None:
        self._close_bar()
        self._record({"kind": "failed", "message": message, "at": _now()})

    def _pace(self, step: int, now: float, seconds_per_step: float) -> float:
        """Seconds a step, validations and checkpoints counted in, as far as there is experience."""
        assert self._started  # noqa: S101 - set by the only caller
        first, since = self._started
        return (now - since) / (step - first) if step > first else seconds_per_step

    def _record(self, values: Mapping[str, Any]) -> None:
        if self._path:
            with self._path.open("a") as file:
                file.write(json.dumps(values) + "\n")

    def _say(self, line: str) -> None:
        if self._path and not sys.stdout.isatty():
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    def _draw(self, step: int, of: int, loss: float) -> None:
        if not (self._path and sys.stderr.isatty()):
            return
        if self._bar is None:
            self._bar = tqdm(total=of, initial=step, unit="step", dynamic_ncols=True, file=sys.stderr)
        self._bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        self._bar.update(step - self._bar.n)

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _whole_lines(path: Path) -> list[str]:
    """Without what a killed process was just writing."""
    if not path.exists():
        return []
    return [line for line in path.read_text(errors="replace").splitlines(keepends=True) if line.endswith("}\n")]


def _write(path: Path, lines: list[str]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text("".join(lines))
    partial.replace(path)


def _holds(record: Mapping[str, Any], step: int) -> bool:
    return record["kind"] not in _ENDS and (record["kind"] not in _MARKS or record["step"] <= step)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
