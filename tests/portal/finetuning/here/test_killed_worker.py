"""Workers with real signals: one is killed without warning, one is told to end, two want the same training."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django_tasks_db.models import DBTaskResult

from portal.accounts.models import User
from portal.finetuning.models import TRAINING_SILENCE, DatasetSnapshot, ModelVersion, VersionState
from portal.finetuning.tasks import ask_to_train
from portal.images.models import Image, Status, WorkerHeartbeat
from portal.images.queueing import queue
from portal.images.sweeping import sweep
from tests.conftest import MakeImage
from tests.portal.finetuning.conftest import jpeg
from tests.portal.finetuning.here.conftest import is_alive, process_of, queued
from tests.portal.test_killed_worker import database_url
from training.shapes import draw

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

StartWorker = Callable[[str], subprocess.Popen[bytes]]
WORKER = Path(__file__).with_name("standin_worker.py")
SECONDS = 60.0
SLOWLY = {"steps": 120, "seconds_per_step": 0.05}


@pytest.fixture
def start_worker(settings: Any) -> Iterator[StartWorker]:
    environment = {**os.environ, "DATABASE_URL": database_url(), "IMAGESIFT_DATA": str(settings.DATA_DIR)}
    environment |= {"DETECTORS": "properties", "LOG_LEVEL": "ERROR"}
    workers: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(WORKER), name]
        workers.append(subprocess.Popen(command, cwd=Path(django_settings.BASE_DIR), env=environment))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
        worker.wait()


def wait_for(what: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within a minute"
        time.sleep(0.05)


def has_steps(version: ModelVersion, steps: int) -> Callable[[], bool]:
    return lambda: ModelVersion.objects.filter(pk=version.pk, steps_done__gte=steps).exists()


def is_ready(version: ModelVersion) -> Callable[[], bool]:
    return lambda: ModelVersion.objects.filter(pk=version.pk, state=VersionState.READY).exists()


def make_silent() -> None:
    """As if everybody had been silent for long."""
    for model, silence in ((ModelVersion, TRAINING_SILENCE), (WorkerHeartbeat, timedelta(minutes=1))):
        for row in model.objects.all():
            row.beat_at -= 2 * silence
            row.save(update_fields=["beat_at"])


def test_a_worker_killed_half_way_is_followed_by_another_and_photos_are_recognised_meanwhile(
    dataset: DatasetSnapshot, owner: User, stored_image: MakeImage, start_worker: StartWorker
) -> None:
    version = queued(dataset, **SLOWLY)
    ask_to_train(version)
    first = start_worker("first")
    wait_for("the training begins", has_steps(version, 3))
    photo = stored_image(owner, jpeg(draw(77)[0]), "photo.jpg", Status.FAILED)
    queue(photo)
    wait_for("a photo is recognised", Image.objects.filter(pk=photo.pk, status=Status.RECOGNIZED).exists)
    assert not is_ready(version)(), "the training goes on meanwhile"
    first.kill()
    first.wait()
    trains = process_of(version.pk)
    assert is_alive(trains), "the training outlives it"
    make_silent()
    sweep()
    start_worker("second")
    wait_for("the training ends", is_ready(version))
    version.refresh_from_db()
    assert version.steps_done == 120
    assert [step for step, _ in version.curve["loss"]] == list(range(1, 121))


def test_a_worker_told_to_end_ends_its_training_and_the_next_goes_on(
    dataset: DatasetSnapshot, start_worker: StartWorker
) -> None:
    version = queued(dataset, **SLOWLY)
    ask_to_train(version)
    first = start_worker("first")
    wait_for("the training begins", has_steps(version, 3))
    trains = process_of(version.pk)
    first.terminate()
    assert first.wait(timeout=SECONDS) == 0
    wait_for("its process ends", lambda: not is_alive(trains))
    version.refresh_from_db()
    assert (version.state, version.claim) == (VersionState.QUEUED, None)
    assert version.steps_done < 120
    start_worker("second")
    wait_for("the training ends", is_ready(version))
    version.refresh_from_db()
    assert [step for step, _ in version.curve["loss"]] == list(range(1, 121))


def test_two_workers_train_one_after_the_other_and_each_version_once(
    dataset: DatasetSnapshot, start_worker: StartWorker
) -> None:
    versions = [queued(dataset, steps=20, seconds_per_step=0.05) for _ in range(2)]
    for version in versions:
        ask_to_train(version)
        ask_to_train(version)
    start_worker("one")
    start_worker("two")
    for version in versions:
        wait_for("both are trained", is_ready(version))
        version.refresh_from_db()
    first, second = sorted(versions, key=lambda version: str(version.started_at))
    assert first.finished_at
    assert second.started_at
    assert second.started_at >= first.finished_at - timedelta(seconds=1)
    assert not DBTaskResult.objects.failed().exists()
