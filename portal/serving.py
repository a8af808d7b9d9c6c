"""The laptop's processes: a web server and workers under one parent that keeps them running."""

from __future__ import annotations

import ctypes
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from django.conf import settings
from django.core.management.base import CommandError

WEB_THREADS = 8
# A process that ends again and again is restarted ever more slowly.
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 30.0
STEADY_SECONDS = 20.0
STOP_SECONDS = 20.0
TICK_SECONDS = 0.2
# From linux/prctl.h.
_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """A process that is started again when it ends, or, with `once`, is left ended."""

    command: list[str]
    once: bool = False
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait: float = FIRST_WAIT_SECONDS
    due: float = field(default=0.0)

    def tick(self, now: float) -> None:
        """Start the process if it is due."""
        if self.process is None:
            if now >= self.due:
                # A session of its own, so that Ctrl+C reaches the parent alone, which then stops each child in turn.
                self.process = subprocess.Popen(
                    self.command, cwd=settings.BASE_DIR, start_new_session=True, preexec_fn=_end_with_parent
                )
                self.started = now
        elif self.process.poll() is not None and not self.once:
            steady = now - self.started > STEADY_SECONDS
            self.wait = FIRST_WAIT_SECONDS if steady else min(self.wait * 2, LONGEST_WAIT_SECONDS)
            self.due = now + self.wait
            self.process = None

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def reap(self, deadline: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _end_with_parent() -> None:
    """On Linux the system stops the child when its parent dies, even by SIGKILL; elsewhere it would go on alone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def serve(*, host: str, port: int, workers: int, fetch_detector: bool) -> None:
    """Run until told to stop by SIGINT, SIGTERM or SIGHUP, then stop every process and return.

    Raises CommandError when the port is taken.
    """
    _require_free(host, port)
    children = [Child(_web(host, port))]
    children += [Child(_manage("worker", "--name", f"{socket.gethostname()[:50]}-{n + 1}")) for n in range(workers)]
    if fetch_detector:
        children.append(Child(_manage("fetch_detector", "--if-missing"), once=True))
    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    announced = False
    while not stopping:
        for child in children:
            child.tick(time.monotonic())
        if not announced and _answers(host, port):
            announced = True
            print(f"\nImageSift is at http://{_shown(host)}:{port} - stop it with Ctrl+C.\n", flush=True)  # noqa: T201
        time.sleep(TICK_SECONDS)
    for child in children:
        child.stop()
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        child.reap(deadline)


def _manage(*arguments: str) -> list[str]:
    return [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), *arguments]


def _web(host: str, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "gunicorn", "portal.wsgi"),
        *("--bind", f"{_shown(host)}:{port}", "--workers", "1", "--threads", str(WEB_THREADS)),
        *("--log-level", "warning", "--timeout", "120", "--graceful-timeout", "10", "--no-control-socket"),
    ]


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _answers(host: str, port: int) -> bool:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - recognised, not listened on
    try:
        with socket.create_connection((reachable, port), timeout=TICK_SECONDS):
            return True
    except OSError:
        return False


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} is taken or not allowed ({error.strerror}). Choose another: make run PORT=8001"
            ) from error
