"""Seconds from `git clone` to a portal that answers, with nothing prepared, and for the second start."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8766)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "imagesift"
        started = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        first = seconds_to_answer(clone, options.port, started)
        second = seconds_to_answer(clone, options.port, time.monotonic())
    print(json.dumps({"clone_to_serving_seconds": round(first, 1), "second_start_seconds": round(second, 1)}))


def seconds_to_answer(clone: Path, port: int, started: float) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    command = ["make", "run", f"PORT={port}"]
    server = subprocess.Popen(command, cwd=clone, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        while not answers(port):
            if server.poll() is not None:
                raise SystemExit("make run ended before it served")
            time.sleep(0.1)
        return time.monotonic() - started
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    main()
