"""Whatever comes between a training and its end: it goes on, or it is over for good."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal.accounts.models import User
from portal.finetuning import child
from portal.finetuning.beginning import stop_training, try_again
from portal.finetuning.models import TRAINING_SILENCE, DatasetSnapshot, ModelVersion, VersionState
from portal.finetuning.training_here import watch
from portal.finetuning.workplaces import tidy, workplace
from portal.images.deletion import delete_images
from portal.images.models import Image
from portal.images.workers import told_to_end
from tests.portal.finetuning.here.conftest import SLOWLY, AtStep, is_alive, process_of, queued, watched
from tests.portal.finetuning.versions import approved_version

pytestmark = pytest.mark.django_db


def test_stopped_in_the_middle_it_goes_on_from_there(dataset: DatasetSnapshot, actor: User, at_step: AtStep) -> None:
    version = queued(dataset, **SLOWLY)
    at_step(5, lambda: stop_training(version, actor))
    watched(version)
    assert (version.state, version.claim) == (VersionState.STOPPED, None)
    stopped_at = version.steps_done
    assert 5 <= stopped_at < 60
    folder = workplace(version.pk)
    assert sorted(path.name for path in folder.iterdir()) == ["errors.txt", "run"], "no pictures are kept"
    assert not is_alive(process_of(version.pk))
    try_again(version, actor)
    watched(version)
    assert (version.state, version.steps_done) == (VersionState.READY, 60)
    assert [step for step, _ in version.curve["loss"]] == list(range(1, 61))


@pytest.mark.django_db(transaction=True)
def test_a_picture_deleted_meanwhile_leaves_the_training_and_its_report(
    dataset: DatasetSnapshot, at_step: AtStep
) -> None:
    version = queued(dataset, **SLOWLY)
    row = dataset.images.filter(split="test").order_by("sha256")[0]
    picture = workplace(version.pk) / "data" / row.file_name
    seen: list[bool] = []

    def delete() -> None:
        seen.append(picture.exists())
        delete_images(Image.objects.filter(pk=row.image_id))
        seen.append(picture.exists())

    at_step(3, delete)
    watched(version)
    assert seen == [True, False]
    assert version.state == VersionState.READY
    assert version.report["worst"] == [], "the mistake that it would show was in that picture"


def test_a_worker_that_is_told_to_end_leaves_it_to_the_next(dataset: DatasetSnapshot, at_step: AtStep) -> None:
    version = queued(dataset, **SLOWLY)
    at_step(5, told_to_end.set)
    watched(version)
    assert (version.state, version.claim) == (VersionState.QUEUED, None)
    task = DBTaskResult.objects.get(queue_name="training")
    assert task.args_kwargs["args"] == [str(version.pk)]
    told_to_end.clear()
    watched(version)
    assert (version.state, version.steps_done) == (VersionState.READY, 60)


def test_a_training_that_outlived_its_worker_is_adopted(
    dataset: DatasetSnapshot, at_step: AtStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = queued(dataset, **SLOWLY)

    class Killed(BaseException):
        pass

    def die() -> None:
        raise Killed

    at_step(5, die)
    with pytest.raises(Killed):
        watch(version.pk)
    first = process_of(version.pk)
    assert is_alive(first)
    watched(version)
    assert version.steps_done == 0 or version.state == VersionState.TRAINING, "it is watched over until it is silent"
    ModelVersion.objects.update(beat_at=timezone.now() - 2 * TRAINING_SILENCE)
    monkeypatch.setattr(child.Child, "started", classmethod(lambda *_: pytest.fail("another one was started")))
    watched(version)
    assert (version.state, version.steps_done) == (VersionState.READY, 60)


def test_one_that_somebody_ended_by_hand_goes_on(dataset: DatasetSnapshot, at_step: AtStep) -> None:
    version = queued(dataset, **SLOWLY)
    at_step(5, lambda: os.kill(process_of(version.pk), signal.SIGTERM))
    watched(version)
    assert (version.state, version.steps_done) == (VersionState.READY, 60)


def test_one_that_is_taken_over_by_somebody_else_is_left_to_them(dataset: DatasetSnapshot, at_step: AtStep) -> None:
    version = queued(dataset, **SLOWLY)
    at_step(5, lambda: ModelVersion.objects.update(claim=version.pk))
    watched(version)
    assert (version.state, version.claim) == (VersionState.TRAINING, version.pk)
    pid = process_of(version.pk)
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_one_that_is_deleted_ends(dataset: DatasetSnapshot, at_step: AtStep) -> None:
    version = queued(dataset, **SLOWLY)
    pids: list[int] = []

    def delete() -> None:
        pids.append(process_of(version.pk))
        ModelVersion.objects.all().delete()

    at_step(5, delete)
    watch(version.pk)
    assert not is_alive(pids[0])
    assert not workplace(version.pk).exists()


def test_what_a_killed_worker_left_is_tidied_away_unless_it_is_needed(dataset: DatasetSnapshot) -> None:
    kept, over = queued(dataset), approved_version(dataset, 5)
    for version_id in (kept.pk, over.pk, dataset.pk):
        (workplace(version_id) / "run").mkdir(parents=True)
    tidy()
    assert [workplace(each).exists() for each in (kept.pk, over.pk, dataset.pk)] == [True, False, False]


@pytest.mark.parametrize("state", [VersionState.FAILED, VersionState.STOPPED])
def test_of_one_that_ended_checkpoints_stay_for_a_month_and_no_picture(
    dataset: DatasetSnapshot, state: VersionState
) -> None:
    """As when it is stopped while nobody watches over it."""
    folder = workplace(queued(dataset).pk)
    ModelVersion.objects.update(state=state)
    for name in ("data/images/1.jpg", "run/result/report/worst-1.jpg", "run/checkpoints/20.pt"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(b"content")
    tidy()
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["20.pt"]
    ModelVersion.objects.update(beat_at=timezone.now() - timedelta(days=31))
    tidy()
    assert not folder.exists()
