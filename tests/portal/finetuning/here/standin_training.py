"""Stands in for `python -m training train`: keeps the same promises, and learns nothing.

`--mode` says how it fails: `fail` (in a sentence), `die` (without a word), `spoil` (leaves no report).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

START = Path(__file__).resolve().parents[4] / "training" / "starts" / "tiny-shapes"
MODEL_FILES = ("model.onnx", "config.json", "preprocessor_config.json")


class Ended(Exception):
    """It was told to end."""


# Signals that came: a step is done to its end before they count.
told: list[int] = []


def on_term(number: int, _frame: FrameType | None) -> None:
    told.append(number)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ("data", "out", "baseline-model", "cache"):
        parser.add_argument(f"--{name}", type=Path)
    for name in ("steps", "model-version", "threads"):
        parser.add_argument(f"--{name}", type=int, default=5)
    for name in ("name", "start"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--seconds-per-step", type=float, default=0.01)
    parser.add_argument("--mode", default="")
    return parser.parse_args()


def main() -> int:
    options = parsed()
    try:
        with FileLock(options.out / "lock", timeout=0):
            (options.out / "pid").write_text(str(os.getpid()))
            signal.signal(signal.SIGTERM, on_term)
            return trained(options)
    except Timeout:
        return 3


def trained(options: argparse.Namespace) -> int:
    with (options.out / "progress.jsonl").open("a") as progress:

        def tell(kind: str, **values: object) -> None:
            progress.write(json.dumps({"kind": kind, **values}) + "\n")
            progress.flush()

        try:
            learn(options, tell)
        except Ended:
            tell("stopped")
            return 143
        if options.mode == "fail":
            tell("failed", message="The picture images/1.jpg cannot be read.")
            return 1
        tell("phase", phase="evaluating")
        leave(options)
        tell("done", verdict="passed", map50=0.83)
    return 0


def learn(options: argparse.Namespace, tell) -> None:  # type: ignore[no-untyped-def]
    checkpoint = options.out / "checkpoint"
    done = int(checkpoint.read_text()) if checkpoint.exists() else 0
    tell("phase", phase="training")
    for step in range(done + 1, options.steps + 1):
        if options.mode == "die" and step == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(options.seconds_per_step)
        tell("step", step=step, of=options.steps, loss=10 / step, seconds_left=options.steps - step)
        checkpoint.write_text(str(step))
        if told:
            raise Ended
    tell("validation", step=options.steps, map50=0.8)


def leave(options: argparse.Namespace) -> None:
    result = options.out / "result"
    shutil.rmtree(result, ignore_errors=True)
    for folder in ("model", "torch", "report"):
        (result / folder).mkdir(parents=True)
    for name in MODEL_FILES:
        shutil.copy(START / name, result / "model" / name)
    about = {"schema": "imagesift.model/1", "name": options.name, "version": options.model_version}
    (result / "model" / "imagesift.json").write_text(json.dumps({**about, "thresholds": {}, "classes": []}))
    (result / "torch" / "config.json").write_text("{}")
    (result / "report" / "worst-1.jpg").write_bytes(b"a picture")
    (result / "report" / "index.html").write_text("a page")
    (result / "model.tar.gz").write_bytes(b"packed")
    tested = json.loads((options.data / "annotations" / "test.json").read_text())["images"]
    worst = {"image": "report/worst-1.jpg", "file_name": tested[0]["file_name"], "kind": "missed", "words": "Missed."}
    report = {
        "candidate": {"map50": [0.83, 0.7, 0.9], "map": float("nan")},
        "worst": [worst],
        "start": options.start,
        "threads": options.threads,
        "cache": str(options.cache),
        "niceness": os.nice(0),
        "baseline_model": str(options.baseline_model) if options.baseline_model else None,
        "pictures": len(list((options.data / "images").iterdir())),
    }
    (result / "verdict.json").write_text(json.dumps({"verdict": "passed", "reasons": []}))
    if options.mode != "spoil":
        (result / "report.json").write_text(json.dumps(report))


if __name__ == "__main__":
    sys.exit(main())
