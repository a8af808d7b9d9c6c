"""Who recognises: workers, of which this process may be one, or on AWS a function that S3's events call."""

from __future__ import annotations

import os
import socket
import threading
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from portal.images.models import WorkerHeartbeat

# Workers report every two seconds; a busy machine may hold one up.
HEARTBEAT_GRACE = timedelta(seconds=30)

# Set once the worker in this process is to end: whoever is at something long leaves it to the next worker.
told_to_end = threading.Event()

_current = f"{socket.gethostname()[:40]}-{os.getpid()}"


def by_lambda() -> bool:
    """Whether S3's events start recognition: there are no workers then, and nothing takes tasks from the database."""
    return bool(settings.RECOGNIZED_BY == "lambda")


def current_worker_id() -> str:
    """The id under which this process claims images, at most 64 characters."""
    return _current


def become(worker_id: str) -> None:
    """Give this process its worker id: set once, by the `worker` command."""
    global _current
    _current = worker_id


def any_alive() -> bool:
    """Whether what is queued will be recognised: some worker has reported lately, or none is needed."""
    return by_lambda() or WorkerHeartbeat.objects.filter(beat_at__gte=timezone.now() - HEARTBEAT_GRACE).exists()
