"""A training on this machine is followed to its end, and how it failed is told in a sentence."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest
from django.core.files.storage import storages

from portal.accounts.models import User
from portal.finetuning import child, training_here
from portal.finetuning.beginning import WITHOUT_PYTORCH
from portal.finetuning.models import DatasetSnapshot, ModelVersion, VersionState
from portal.finetuning.promoting import promote
from portal.finetuning.workplaces import workplace
from portal.images.deletion import delete_images
from portal.images.models import Image
from tests.portal.finetuning.here.conftest import queued, watched
from tests.portal.finetuning.versions import approved_version, without_files

pytestmark = pytest.mark.django_db


def test_a_training_is_followed_and_what_it_leaves_is_stored(dataset: DatasetSnapshot) -> None:
    version = watched(queued(dataset, steps=8))
    assert (version.state, version.error) == (VersionState.READY, "")
    assert (version.steps_done, version.steps_total, version.percent_done, version.claim) == (8, 8, 100, None)
    assert [step for step, _ in version.curve["loss"]] == list(range(1, 9))
    assert version.curve["map50"] == [[8, 0.8]]
    assert version.started_at
    assert version.finished_at
    assert version.map50 == 0.83
    assert version.has_passed
    assert version.served_as
    stored = storages["derived"]
    for name in ("model/model.onnx", "torch/config.json", "report/worst-1.jpg", "report/index.html", "model.tar.gz"):
        assert stored.exists(f"{version.folder}/{name}"), name
    assert not workplace(version.pk).exists(), "nobody's pictures live on"


def test_it_is_told_what_to_do_and_leaves_the_machine_to_others(
    dataset: DatasetSnapshot, actor: User, settings: Any
) -> None:
    running = approved_version(dataset, 1)
    promote(running, actor)
    version = watched(queued(dataset, steps=3))
    report = version.report
    assert report["pictures"] == 6
    assert report["start"] == "tiny-shapes"
    assert report["threads"] == max(1, (os.cpu_count() or 1) - 1)
    assert report["cache"] == str(settings.MODELS_DIR), "where the other models are kept"
    assert report["niceness"] == min(19, os.nice(0) + child.NICENESS)
    assert report["baseline_model"] == storages["derived"].path(f"{running.folder}/model")
    assert report["candidate"]["map"] is None, "what is no number has no place in a database"


def test_a_version_goes_on_from_an_earlier_one_s_files(dataset: DatasetSnapshot) -> None:
    first = watched(queued(dataset, steps=2))
    second = queued(dataset, steps=2)
    ModelVersion.objects.filter(pk=second.pk).update(start=str(first.pk))
    assert watched(second).report["start"] == storages["derived"].path(f"{first.folder}/torch")
    without_files(first)
    third = queued(dataset, steps=2)
    ModelVersion.objects.filter(pk=third.pk).update(start=str(first.pk))
    assert watched(third).error == "The files of shapes v1, which this training starts from, are gone."


def test_nothing_is_trained_that_could_not_be_compared_with_what_runs(dataset: DatasetSnapshot, actor: User) -> None:
    running = approved_version(dataset, 1)
    promote(running, actor)
    without_files(running)
    assert "which runs now, are gone" in watched(queued(dataset, steps=2)).error


def test_how_it_failed_is_told_in_its_own_words(dataset: DatasetSnapshot) -> None:
    version = watched(queued(dataset, mode="fail"))
    assert (version.state, version.error) == (VersionState.FAILED, "The picture images/1.jpg cannot be read.")
    assert not (workplace(version.pk) / "data").exists()


def test_one_that_the_system_killed_is_not_begun_again(dataset: DatasetSnapshot) -> None:
    version = watched(queued(dataset, mode="die"))
    assert (version.state, version.error) == (VersionState.FAILED, training_here.KILLED)
    assert version.steps_done == 2


def test_arguments_that_it_does_not_know_are_told(dataset: DatasetSnapshot) -> None:
    version = watched(queued(dataset, wings=2))
    assert version.state == VersionState.FAILED
    assert "unrecognized arguments: --wings 2" in version.error


def test_one_that_leaves_no_report_failed(dataset: DatasetSnapshot) -> None:
    version = watched(queued(dataset, mode="spoil"))
    assert version.state == VersionState.FAILED
    assert "report.json" in version.error


@pytest.mark.parametrize(
    ("error", "says"),
    [(OSError(errno.ENOSPC, "No space left"), training_here.DISK_FULL), (KeyError("x"), training_here.WENT_WRONG)],
)
def test_a_full_disk_is_told_from_a_fault_of_ours(
    dataset: DatasetSnapshot, monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(training_here, "write_inputs", fail)
    version = watched(queued(dataset))
    assert (version.state, version.error) == (VersionState.FAILED, says)


def test_without_pytorch_it_says_what_to_run(dataset: DatasetSnapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_here, "can_train_here", lambda: WITHOUT_PYTORCH)
    assert watched(queued(dataset)).error == WITHOUT_PYTORCH


def test_a_dataset_whose_test_images_were_all_deleted_fails_in_a_sentence(dataset: DatasetSnapshot) -> None:
    gone = dataset.images.filter(split="test").values_list("image", flat=True)
    delete_images(Image.objects.filter(pk__in=list(gone)))
    version = watched(queued(dataset))
    assert version.state == VersionState.FAILED
    assert "No picture is left in the dataset’s part “test”" in version.error
