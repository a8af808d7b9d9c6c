"""A training as a process of its own, to be killed: `python -m tests.training.training_process --data … --out …`.

Every step is told, and at the end a digest of the weights is written beside the progress, by each process its own.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ARGUMENTS: Mapping[str, object] = {
    "--start": "tiny-shapes",
    "--side": 64,
    "--batch": 4,
    "--steps": 24,
    "--validate-every": 6,
    "--checkpoint-every": 3,
    "--threads": 1,
    "--seed": 5,
}


def command(data: Path, out: Path, **more: object) -> list[str]:
    """Arguments of this module; `more` overrides ARGUMENTS."""
    options = {**ARGUMENTS, "--data": data, "--out": out, **{f"--{key}": value for key, value in more.items()}}
    return ["-m", __name__, *(str(each) for pair in options.items() for each in pair)]


@contextmanager
def process(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A Python with these arguments; killed in the end."""
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    run = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environ
    )
    try:
        yield run
    finally:
        run.kill()
        run.communicate()


def to_the_end(arguments: list[str], seconds: float = 180) -> int:
    with process(arguments) as run:
        output, _ = run.communicate(timeout=seconds)
        if run.returncode not in (0, 143):
            sys.stderr.write(output)
        return run.returncode


def interrupted(arguments: list[str], progress: Path, step: int, sign: signal.Signals, seconds: float = 180) -> int:
    """Sends the signal as soon as this step is told, and returns the exit status."""
    told = f'"step": {step}, '
    deadline = time.monotonic() + seconds
    with process(arguments) as run:
        while not (progress.exists() and told in progress.read_text()):
            if run.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(
                    f"step {step} never came: {run.communicate()[0] if run.poll() is not None else ''}"
                )
            time.sleep(0.002)
        run.send_signal(sign)
        return run.wait(timeout=30)


def main() -> None:
    from training.config import parse
    from training.data import load
    from training.distributed import world
    from training.progress import Progress
    from training.stopping import Stopped
    from training.train import train

    config = parse(sys.argv[1:], {})
    progress = Progress(config.out / "progress.jsonl" if world().is_first else None, least_seconds=0)
    try:
        trained = train(config, load(config.data), progress)
    except Stopped:
        progress.stopped()
        sys.exit(143)
    weights, buffers = (
        hashlib.sha256(b"".join(value.numpy().tobytes() for value in values)).hexdigest()
        for values in ((each.detach() for each in trained.model.parameters()), trained.model.buffers())
    )
    about = f"{weights} {trained.about['steps']} {trained.about['best_step']} {buffers}"
    (config.out / f"weights-{world().rank}").write_text(about)


if __name__ == "__main__":
    main()
