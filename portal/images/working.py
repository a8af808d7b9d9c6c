"""The worker process: takes tasks from the database's queue until it is told to stop."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from types import FrameType

from django.db import close_old_connections, connection
from django.utils import timezone
from django_tasks_db.management.commands.db_worker import Worker

from portal.images.models import WorkerHeartbeat
from portal.images.sweeping import release, sweep
from portal.images.warming import warm_up
from portal.images.workers import become, told_to_end

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
BEAT_SECONDS = 2.0
SWEEP_SECONDS = 30.0
STOP_SECONDS = 5.0
# Queues worked off beside the images, which they must not hold up, by so many threads each: what waits for other
# people's servers, and trainings, which take hours.
OTHERS = {"webhooks": 2, "training": 1}
OTHERS_POLL_SECONDS = 1.0
# A namesake that reported within this time and whose process exists is alive.
FRESH = timedelta(seconds=15)


class _Worker(Worker):
    """Passes it on as soon as it is told to end, not only when what it is doing is done."""

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        told_to_end.set()
        super().shutdown(signum, frame)


class NameTaken(Exception):
    """A worker of the same name is running: the two would take each other's images for their own."""


def work(worker_id: str, *, until_empty: bool = False) -> None:
    """Run tasks as `worker_id` until stopped by a signal or, with `until_empty`, until none is due.

    What an earlier process of the same name held when it was killed is given back first. Raises NameTaken.
    """
    _take_name(worker_id)
    worker = _worker(worker_id, ["*"] if until_empty else ["default"], POLL_SECONDS, until_empty)
    worker.configure_signals()
    stopping = threading.Event()
    beside = [] if until_empty else _beside(worker_id)
    keepers = _keepers(worker_id, beside, stopping)
    for keeper in keepers:
        keeper.start()
    try:
        warm_up()
        worker.run()
    finally:
        stopping.set()
        told_to_end.set()
        for each in beside:
            each.running = False
        patience = time.monotonic() + STOP_SECONDS
        for keeper in keepers:
            keeper.join(timeout=max(0, patience - time.monotonic()))
        told_to_end.clear()
        WorkerHeartbeat.objects.filter(pk=worker_id, pid=os.getpid()).delete()


def _beside(worker_id: str) -> list[Worker]:
    return [
        _worker(worker_id, [queue], OTHERS_POLL_SECONDS) for queue, threads in OTHERS.items() for _ in range(threads)
    ]


def _keepers(worker_id: str, beside: list[Worker], stopping: threading.Event) -> list[threading.Thread]:
    """Threads for what goes on whatever the worker does: erasing thousands of files takes minutes, in which it must not
    be taken for dead."""
    chores: list[tuple[Callable[[], object], float]] = [
        (partial(_beat, worker_id), BEAT_SECONDS),
        (partial(_clean_up, worker_id), SWEEP_SECONDS),
        *((each.run, BEAT_SECONDS) for each in beside),
    ]
    return [threading.Thread(target=_repeat, args=(*chore, stopping), daemon=True) for chore in chores]


def _worker(worker_id: str, queues: list[str], interval: float, until_empty: bool = False) -> Worker:
    return _Worker(
        queue_names=queues,
        interval=interval,
        batch=until_empty,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id=worker_id,
        excluded_queue_names=[],
    )


def _take_name(worker_id: str) -> None:
    namesake = WorkerHeartbeat.objects.filter(pk=worker_id, beat_at__gte=timezone.now() - FRESH).first()
    if namesake is not None and namesake.pid != os.getpid() and _exists(namesake.pid):
        raise NameTaken(f"a worker named {worker_id} is running already, as process {namesake.pid}")
    become(worker_id)
    now = timezone.now()
    WorkerHeartbeat.objects.update_or_create(
        pk=worker_id, defaults={"pid": os.getpid(), "started_at": now, "beat_at": now}
    )
    freed = release(worker_id)
    if freed:
        logger.warning("gave back %d images that this worker held when it ended", freed)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _beat(worker_id: str) -> None:
    """Report that the worker lives; again from the start if somebody took it for dead, as after the machine slept."""
    WorkerHeartbeat.objects.update_or_create(pk=worker_id, defaults={"pid": os.getpid(), "beat_at": timezone.now()})


def _clean_up(worker_id: str) -> None:
    """Sweep, having reported first: after the machine slept, the sweep would take this worker itself for dead."""
    _beat(worker_id)
    sweep()


def _repeat(chore: Callable[[], object], seconds: float, stopping: threading.Event) -> None:
    """Do `chore` now and every so many seconds, beside whatever the worker is doing."""
    while not stopping.is_set():
        try:
            close_old_connections()
            chore()
        except Exception:
            # The database may be away for a while; this thread must outlive that.
            logger.exception("housekeeping failed; trying again")
        stopping.wait(seconds)
    connection.close()
