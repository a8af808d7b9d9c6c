"""Which worker this process is."""

from __future__ import annotations

import os
import socket

_current = f"{socket.gethostname()[:40]}-{os.getpid()}"


def current_worker_id() -> str:
    """The id under which this process claims images, at most 64 characters."""
    return _current


def become(worker_id: str) -> None:
    """Give this process its worker id: set once, by the `worker` command."""
    global _current
    _current = worker_id
