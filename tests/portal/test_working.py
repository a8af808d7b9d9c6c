"""The worker: claims, retries, takes over from the dead, and finds what is stuck."""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from portal.accounts.models import User
from portal.images import tasks, working
from portal.images.models import Image, Status, WorkerHeartbeat
from portal.images.queueing import queue, recognize_again
from portal.images.sweeping import release, sweep
from portal.images.tasks import LIVES, backoff, recognize_image
from portal.images.working import NameTaken, work
from recognition.recognizer import RecognitionUnavailable
from tests.conftest import MakeImage

SOON = timedelta(minutes=5)


@pytest.fixture
def image(owner: User, stored_image: MakeImage) -> Image:
    return stored_image(owner)


def unavailable(*_: Any) -> None:
    raise RecognitionUnavailable("The cloud is away.")


def test_only_one_worker_gets_an_image(image: Image) -> None:
    other = Image.objects.get(pk=image.pk)
    assert image.take("one", timezone.now() + SOON) is not None
    assert other.take("two", timezone.now() + SOON) is None
    image.refresh_from_db()
    assert (image.claimed_by, image.attempts) == ("one", 1)


def test_a_claim_that_was_lost_can_change_nothing(image: Image) -> None:
    claim = image.take("one", timezone.now() + SOON)
    assert claim is not None
    release("one")
    assert not image.put_back(uuid4(), SOON)
    assert not image.give_up(claim, "code", "A sentence.")
    image.refresh_from_db()
    assert image.status == Status.QUEUED


def test_an_attempt_that_fails_is_repeated_later_and_then_given_up(
    image: Image, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(tasks, "recognize_claimed", unavailable)
    settings.RECOGNITION_ATTEMPTS = 2
    recognize_image.call(str(image.pk))
    image.refresh_from_db()
    assert image.status == Status.QUEUED
    assert image.not_before is not None
    assert image.not_before > timezone.now()
    planned = DBTaskResult.objects.get(status=TaskResultStatus.READY)
    assert planned.run_after == image.not_before or abs(planned.run_after - image.not_before) < timedelta(seconds=1)
    recognize_image.call(str(image.pk))
    image.refresh_from_db()
    assert image.attempts == 1, "it is not due yet"
    Image.objects.update(not_before=timezone.now())
    recognize_image.call(str(image.pk))
    image.refresh_from_db()
    assert (image.status, image.failure_code) == (Status.FAILED, "gave_up")
    assert not image.failure_permanent
    assert "The cloud is away." in image.failure_message


def test_waits_grow_up_to_ten_minutes() -> None:
    assert [backoff(attempts).total_seconds() for attempts in (1, 2, 3, 20)] == [2, 4, 8, 600]


def test_an_image_that_kills_every_worker_is_left_alone(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.objects.update(attempts=LIVES)
    monkeypatch.setattr(tasks, "recognize_claimed", unavailable)
    recognize_image.call(str(image.pk))
    image.refresh_from_db()
    assert (image.status, image.failure_code) == (Status.FAILED, "gave_up")


def test_trying_again_starts_afresh(image: Image) -> None:
    Image.objects.update(status=Status.FAILED, attempts=5, failure_code="gave_up", failure_message="We gave up.")
    image.refresh_from_db()
    assert recognize_again(image)
    image.refresh_from_db()
    assert (image.status, image.attempts, image.failure_code) == (Status.QUEUED, 0, "")
    assert DBTaskResult.objects.filter(status=TaskResultStatus.READY).count() == 1
    assert not recognize_again(image), "it is queued already"


def test_an_image_whose_file_never_came_cannot_be_recognised_again(owner: User) -> None:
    image = Image.objects.create(owner=owner, filename="a.jpg", byte_size=1)
    assert not recognize_again(image)


def test_a_task_whose_worker_was_killed_runs_again(image: Image) -> None:
    Image.objects.update(status=Status.FAILED)
    image.refresh_from_db()
    queue(image)
    held = DBTaskResult.objects.get()
    held.claim("dead")
    image.take("dead", timezone.now() + SOON)
    assert release("dead") == 1
    held.refresh_from_db()
    image.refresh_from_db()
    assert held.status == TaskResultStatus.READY
    assert image.status == Status.QUEUED


def test_the_sweep_frees_what_a_silent_worker_held(image: Image) -> None:
    WorkerHeartbeat.objects.create(worker_id="silent", pid=1, beat_at=timezone.now() - timedelta(minutes=2))
    image.take("silent", timezone.now() + SOON)
    sweep()
    image.refresh_from_db()
    assert image.status == Status.QUEUED
    assert not WorkerHeartbeat.objects.exists()


def test_the_sweep_frees_an_attempt_that_takes_for_ever(image: Image) -> None:
    image.take("busy", timezone.now() - timedelta(seconds=1))
    assert sweep().abandoned_claims == 1
    image.refresh_from_db()
    assert image.status == Status.QUEUED


def test_the_sweep_finds_a_queued_image_that_no_task_knows(image: Image) -> None:
    Image.objects.update(queued_at=timezone.now() - timedelta(minutes=2))
    assert sweep().orphaned_images == 1
    assert DBTaskResult.objects.get().args_kwargs["args"] == [str(image.pk)]
    assert sweep().orphaned_images == 0


def test_the_sweep_leaves_healthy_work_alone(image: Image) -> None:
    image.take("alive", timezone.now() + SOON)
    WorkerHeartbeat.objects.create(worker_id="alive", pid=os.getpid())
    call_command("sweep")
    image.refresh_from_db()
    assert image.claimed_by == "alive"


@pytest.mark.django_db(transaction=True)
def test_a_worker_reports_while_its_sweep_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    swept = threading.Event()
    monkeypatch.setattr(working, "sweep", lambda: swept.wait(20))
    monkeypatch.setattr(working, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(working, "warm_up", lambda: wait_for_beats(2))
    try:
        work("busy", until_empty=True)
    finally:
        swept.set()


@pytest.mark.django_db(transaction=True)
def test_a_worker_taken_for_dead_reports_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def bury() -> None:
        WorkerHeartbeat.objects.all().delete()
        wait_for_beats(1)

    monkeypatch.setattr(working, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(working, "warm_up", bury)
    work("sleeper", until_empty=True)


def wait_for_beats(beats: int) -> None:
    """Wait until a worker has reported that often; fails when it does not within ten seconds."""
    moments: set[Any] = set()
    deadline = time.monotonic() + 10
    while len(moments) <= beats:
        assert time.monotonic() < deadline, "the worker does not report"
        moments |= set(WorkerHeartbeat.objects.values_list("beat_at", flat=True)) or {None}
        time.sleep(0.01)


def test_two_workers_of_one_name_are_refused(db: None) -> None:
    WorkerHeartbeat.objects.create(worker_id="name", pid=os.getppid())
    with pytest.raises(NameTaken, match="name"):
        work("name", until_empty=True)
