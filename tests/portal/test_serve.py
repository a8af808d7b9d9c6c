"""`manage.py serve`: keeps its processes running, says when it cannot, and leaves none behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from django.conf import settings as django_settings

ENOUGH = 60


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    values = {**os.environ, "IMAGESIFT_DATA": str(tmp_path), "DETECTORS": "properties", "LOG_LEVEL": "ERROR"}
    values.pop("DATABASE_URL", None)
    subprocess.run([sys.executable, "manage.py", "prepare"], cwd=django_settings.BASE_DIR, env=values, check=True)
    return values


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def served(environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "manage.py", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=django_settings.BASE_DIR, env=environment)
    eventually(lambda: is_ready(port))
    yield process
    process.terminate()
    process.wait(timeout=ENOUGH)


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + ENOUGH
    while not holds():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.1)


def is_ready(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).ok
    except requests.ConnectionError:
        return False


def children(parent: int) -> dict[int, str]:
    """The commands of a process's own children, by their ids, from /proc."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
    return found


def worker_of(parent: int) -> int | None:
    return next((pid for pid, command in children(parent).items() if "manage.py worker" in command), None)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_worker_that_dies_is_replaced_and_none_outlives_its_parent(
    served: subprocess.Popen[bytes], port: int
) -> None:
    first = worker_of(served.pid)
    assert first is not None
    os.kill(first, signal.SIGKILL)
    eventually(lambda: worker_of(served.pid) not in (None, first))
    started = children(served.pid)
    assert len(started) == 2
    served.kill()
    served.wait()
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started))
    assert not is_ready(port)


def test_a_port_that_is_taken_is_named(environment: dict[str, str], port: int) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        command = [sys.executable, "manage.py", "serve", "--port", str(port)]
        refused = subprocess.run(
            command, cwd=django_settings.BASE_DIR, env=environment, capture_output=True, text=True, timeout=ENOUGH
        )
    assert refused.returncode == 1
    assert f"Port {port} is taken" in refused.stderr
    assert "make run PORT=" in refused.stderr
