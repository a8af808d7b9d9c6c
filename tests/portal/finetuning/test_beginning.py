"""Asking for a training, stopping it, trying again: who may, when, and what is written down."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal.accounts.models import User
from portal.finetuning import beginning, orders, starts
from portal.finetuning.beginning import WITHOUT_PYTORCH, begin_training, can_train_here, stop_training, try_again
from portal.finetuning.models import DatasetImage, DatasetSnapshot, ModelVersion, Place, SnapshotState, VersionState
from portal.images.models import WorkerHeartbeat
from portal.images.sweeping import sweep
from portal.moderation.deeds import Refused
from portal.moderation.models import AuditEntry, Verb
from tests.portal.finetuning.conftest import MakeAnnotated
from tests.portal.finetuning.versions import drawn_dataset, ready_version, trainer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _pytorch_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "find_spec", lambda _name: object())


@pytest.fixture
def dataset(annotated: MakeAnnotated) -> DatasetSnapshot:
    return drawn_dataset(annotated)


@pytest.fixture
def actor(owner: User) -> User:
    return trainer(owner)


def wanted(dataset: DatasetSnapshot, **values: Any) -> ModelVersion:
    return ModelVersion(**{"name": "shapes", "dataset": dataset, "start": "tiny-shapes", **values})


def asked_for() -> list[str]:
    return [task.args_kwargs["args"][0] for task in DBTaskResult.objects.filter(queue_name="training")]


def test_versions_of_a_name_are_counted_and_a_worker_is_asked(dataset: DatasetSnapshot, actor: User) -> None:
    one, two = (begin_training(wanted(dataset, options={"steps": 7}), actor) for _ in range(2))
    other = begin_training(wanted(dataset, name="arrows"), actor)
    assert [str(version) for version in (one, two, other)] == ["shapes v1", "shapes v2", "arrows v1"]
    assert asked_for() == [str(version.pk) for version in (one, two, other)]
    assert (one.state, one.author_name) == (VersionState.QUEUED, "owner")
    entry = AuditEntry.objects.filter(verb=Verb.MODEL).last()
    assert entry is not None
    assert (entry.subject, entry.actor, entry.after["did"]) == ("shapes v1", actor, "trained")
    assert entry.after["options"] == {"steps": 7}


def test_strangers_may_not_begin_stop_or_try_again(dataset: DatasetSnapshot, stranger: User) -> None:
    running = ready_version(dataset, state=VersionState.TRAINING)
    with pytest.raises(Refused, match="may not train"):
        begin_training(wanted(dataset), stranger)
    for deed in (stop_training, try_again):
        with pytest.raises(Refused, match="may not train"):
            deed(running, stranger)
    assert ModelVersion.objects.count() == 1
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"start": "a-model-of-mars"}, "no such model"),
        ({"start": str(uuid4())}, "no such model"),
        ({"name": "--restart"}, "Small letters"),
        ({"name": "Größe 1"}, "Small letters"),
        ({"place": Place.SAGEMAKER}, "from the portal on AWS"),
    ],
)
def test_what_cannot_be_trained_is_refused_and_not_stored(
    dataset: DatasetSnapshot, actor: User, values: dict[str, Any], says: str
) -> None:
    with pytest.raises(Refused, match=says):
        begin_training(wanted(dataset, **values), actor)
    assert not ModelVersion.objects.exists()
    assert not asked_for()


@pytest.mark.parametrize(("split", "says"), [("train", "to train on"), ("test", "for testing")])
def test_a_dataset_with_an_empty_part_is_refused(dataset: DatasetSnapshot, actor: User, split: str, says: str) -> None:
    DatasetImage.objects.filter(split=split).delete()
    with pytest.raises(Refused, match=says):
        begin_training(wanted(dataset), actor)


def test_a_dataset_that_is_not_ready_is_refused(dataset: DatasetSnapshot, actor: User) -> None:
    dataset.state = SnapshotState.BUILDING
    with pytest.raises(Refused, match="not ready"):
        begin_training(wanted(dataset), actor)


def test_a_trained_version_is_a_start_and_one_that_failed_is_not(dataset: DatasetSnapshot, actor: User) -> None:
    ready = ready_version(dataset)
    failed = ready_version(dataset, 2, state=VersionState.FAILED)
    assert [start.value for start in starts.choices()] == ["rtdetr-v2-r18", "tiny-shapes", str(ready.pk)]
    assert "0.83" in starts.choices()[-1].words
    assert begin_training(wanted(dataset, start=str(ready.pk)), actor).version == 3
    with pytest.raises(Refused, match="is not trained"):
        begin_training(wanted(dataset, start=str(failed.pk)), actor)


def test_without_pytorch_the_sentence_says_what_to_run(
    dataset: DatasetSnapshot, actor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beginning, "find_spec", lambda name: None if name == "torch" else object())
    assert can_train_here() == WITHOUT_PYTORCH
    with pytest.raises(Refused, match="make training"):
        begin_training(wanted(dataset), actor)


def test_looking_whether_pytorch_is_there_does_not_load_it() -> None:
    program = (
        "import os, sys, django\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'portal.settings'\n"
        "django.setup()\n"
        "from portal.finetuning.beginning import can_train_here\n"
        "can_train_here()\n"
        "print(*{'torch', 'transformers', 'onnxruntime', 'numpy'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_one_that_waits_is_stopped_at_once(dataset: DatasetSnapshot, actor: User) -> None:
    waiting = begin_training(wanted(dataset), actor)
    stopped = stop_training(waiting, actor)
    assert stopped.state == VersionState.STOPPED
    assert stopped.finished_at
    stop_training(waiting, actor)
    assert [entry.after["did"] for entry in AuditEntry.objects.order_by("at")] == ["trained", "stopped"]


def test_one_in_training_is_asked_to_stop(dataset: DatasetSnapshot, actor: User) -> None:
    training = begin_training(wanted(dataset), actor)
    ModelVersion.objects.update(state=VersionState.TRAINING, claim=uuid4())
    asked = stop_training(training, actor)
    assert (asked.state, asked.stop_requested) == (VersionState.TRAINING, True)


def test_what_has_ended_cannot_be_stopped(dataset: DatasetSnapshot, actor: User) -> None:
    with pytest.raises(Refused, match="ended already"):
        stop_training(ready_version(dataset), actor)


def test_one_that_failed_is_tried_again(dataset: DatasetSnapshot, actor: User) -> None:
    failed = ready_version(dataset, state=VersionState.FAILED, error="It broke.", stop_requested=True, steps_done=40)
    again = try_again(failed, actor)
    assert (again.state, again.error, again.stop_requested) == (VersionState.QUEUED, "", False)
    assert again.steps_done == 40
    assert asked_for() == [str(failed.pk)]
    try_again(failed, actor)
    assert len(asked_for()) == 1, "it is under way already"


def test_what_is_trained_is_not_tried_again(dataset: DatasetSnapshot, actor: User) -> None:
    with pytest.raises(Refused, match="trained already"):
        try_again(ready_version(dataset), actor)


def test_on_aws_sagemaker_is_asked_once_everything_is_stored(
    dataset: DatasetSnapshot,
    actor: User,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    settings.RECOGNIZED_BY = "lambda"
    ordered: list[tuple[str, Any]] = []
    monkeypatch.setattr(orders, "order_training", lambda version: ordered.append(("train", version.pk)))
    monkeypatch.setattr(orders, "order_stop", lambda version: ordered.append(("stop", version.pk)))
    with pytest.raises(Refused, match="SageMaker does"):
        begin_training(wanted(dataset), actor)
    with django_capture_on_commit_callbacks(execute=True):
        version = begin_training(wanted(dataset, place=Place.SAGEMAKER), actor)
        assert not ordered
    with django_capture_on_commit_callbacks(execute=True):
        stop_training(version, actor)
    assert ordered == [("train", version.pk), ("stop", version.pk)]
    assert not asked_for()


def test_the_sweep_asks_again_for_what_nobody_watches_over(dataset: DatasetSnapshot, actor: User) -> None:
    version = begin_training(wanted(dataset), actor)
    long_ago = timezone.now() - timedelta(minutes=5)
    ModelVersion.objects.update(state=VersionState.TRAINING, claim=uuid4(), beat_at=long_ago)
    sweep()
    assert len(asked_for()) == 1, "a task waits for it already"
    task = DBTaskResult.objects.get(queue_name="training")
    task.claim("gone")
    WorkerHeartbeat.objects.create(worker_id="gone", pid=1)
    sweep()
    assert len(asked_for()) == 1, "its worker lives"
    WorkerHeartbeat.objects.all().delete()
    sweep()
    assert len(asked_for()) == 2
    assert ModelVersion.objects.get().claim is None
    sweep()
    assert asked_for() == [str(version.pk)] * 2
