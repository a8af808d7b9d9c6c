"""A worker killed without warning, again and again, loses nothing and does nothing twice."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.db.models import Count
from PIL import Image as PILImage

from portal.accounts.models import User
from portal.images.models import Image, Recognition, Status
from portal.images.queueing import queue
from tests.conftest import MakeImage

IMAGES = 50
KILLS = 10
# Longest life of a worker from the moment it begins to work, in seconds.
LONGEST_LIFE = 0.8


def picture(seed: int) -> bytes:
    encoded = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 255, (700, 900, 3), np.uint8)
    PILImage.fromarray(noise).save(encoded, "JPEG", quality=80)
    return encoded.getvalue()


def database_url() -> str:
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    user = f"{values['USER']}:{values['PASSWORD']}" if values["PASSWORD"] else values["USER"]
    return f"postgres://{user}@{values['HOST'] or '%2Ftmp'}:{values['PORT'] or 5432}/{values['NAME']}"


@pytest.fixture
def start_worker(settings: Any) -> Any:
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "IMAGESIFT_DATA": str(settings.DATA_DIR),
        "DETECTORS": "faces,properties",
        "LOG_LEVEL": "ERROR",
    }
    workers: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "manage.py", "worker", "--name", "mortal", *arguments]
        worker = subprocess.Popen(command, cwd=Path(django_settings.BASE_DIR), env=environment)
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        worker.kill()
        worker.wait()


def wait_for_progress(done_before: int) -> None:
    """Wait until the new worker has begun: something is being processed or more is done than before."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        done = Image.objects.filter(status=Status.RECOGNIZED).count()
        if done > done_before or Image.objects.filter(status=Status.PROCESSING, claimed_by="mortal").exists():
            return
        time.sleep(0.02)
    pytest.fail("the worker did nothing within a minute")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_ten_kills_over_fifty_images_leave_fifty_recognised_once(
    owner: User, stored_image: MakeImage, start_worker: Any
) -> None:
    seed = 20261122
    dice = random.Random(seed)
    for number in range(IMAGES):
        queue(stored_image(owner, picture(number), f"{number}.jpg", Status.FAILED))
    interrupted = 0
    for _ in range(KILLS):
        done = Image.objects.filter(status=Status.RECOGNIZED).count()
        worker = start_worker()
        wait_for_progress(done)
        time.sleep(dice.uniform(0, LONGEST_LIFE))
        worker.kill()
        worker.wait()
        interrupted += Image.objects.filter(status=Status.PROCESSING).exists()
    assert interrupted, "no kill came in the middle of a recognition: the test proves nothing"
    last = start_worker("--until-empty")
    assert last.wait(timeout=400) == 0
    assert Image.objects.filter(status=Status.RECOGNIZED).count() == IMAGES
    each = Recognition.objects.values("image").annotate(times=Count("pk"))
    assert {row["times"] for row in each} == {1}
