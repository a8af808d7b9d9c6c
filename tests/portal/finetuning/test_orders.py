"""Trainings on SageMaker, as the portal orders and follows them through a bucket alone."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from portal.accounts.models import User
from portal.finetuning import channels, following, orders
from portal.finetuning.approving import approve
from portal.finetuning.beginning import begin_training, stop_training, try_again
from portal.finetuning.models import Approval, DatasetSnapshot, ModelVersion, VersionState
from portal.images.deletion import delete_images
from portal.images.erasing import erase_due
from portal.images.models import Image, StorageDeletion
from portal.moderation.models import AuditEntry
from recognition.detectors.model_folder import ModelFolder
from tests.portal.finetuning.conftest import MakeAnnotated
from tests.portal.finetuning.on_aws import Bucket, model_folder, step, wanted
from tests.portal.finetuning.versions import drawn_dataset, trainer
from tests.portal.test_s3_storage import BUCKETS, s3, s3_address

__all__ = ["s3", "s3_address"]

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "imagesift-dev-train-"
PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/imagesift-dev-detector/1"


@pytest.fixture
def bucket(s3: Any, settings: Any) -> Bucket:
    settings.RECOGNIZED_BY = "lambda"
    settings.UPLOADS_BUCKET, settings.DERIVED_BUCKET = BUCKETS["uploads"], BUCKETS["derived"]
    settings.DETECTORS = ("rekognition",)
    return Bucket(s3)


@pytest.fixture
def dataset(bucket: Bucket, annotated: MakeAnnotated) -> DatasetSnapshot:
    made = drawn_dataset(annotated)
    bucket.previews(made)
    return made


@pytest.fixture
def actor(owner: User) -> User:
    return trainer(owner)


@pytest.fixture
def version(dataset: DatasetSnapshot, actor: User) -> ModelVersion:
    """One that was ordered, and answered."""
    made = fresh(begin_training(wanted(dataset), actor))
    assert answered(made, "train", job_name=NAME + made.job_name)
    return fresh(made)


def fresh(version: ModelVersion) -> ModelVersion:
    return ModelVersion.objects.get(pk=version.pk)


def answered(version: ModelVersion, order: str, **values: str) -> bool:
    about = {"job_name": "", "package_arn": "", "problem": "", "job": orders_job(version), **values}
    return orders.take_answer(version.pk, order=order, **about)


def orders_job(version: ModelVersion) -> str:
    return version.job_name.removeprefix(NAME)


def told(version: ModelVersion, status: str, secondary: str = "", reason: str = "") -> ModelVersion:
    assert orders.take_event(version.job_name, status=status, secondary=secondary, reason=reason)
    return fresh(version)


def test_an_order_says_where_lists_and_pictures_lie(dataset: DatasetSnapshot, actor: User, bucket: Bucket) -> None:
    version = fresh(begin_training(wanted(dataset, options={"steps": 300, "int8": True}), actor))

    order = bucket.orders()["train"]
    assert order == {
        "schema": "imagesift.training-order/1",
        "order": "train",
        "version_id": str(version.pk),
        "job": version.job_name,
        "folder": f"models/{version.pk}/",
        "annotations": f"models/{version.pk}/data/{version.job_name}/annotations/",
        "images": f"datasets/{dataset.pk}/images/",
        "start": None,
        "baseline": None,
        "hyperparameters": {
            "name": "shapes",
            "model_version": "1",
            "start": "tiny-shapes",
            "steps": "300",
            "int8": "true",
        },
    }
    assert version.job_name.startswith(version.pk.hex[:12])
    assert (version.state, version.phase) == (VersionState.QUEUED, orders.ORDERED)
    for row in dataset.images.all():
        assert bucket.read(f"{dataset.folder}/{row.file_name}") == f"the preview of {row.sha256}".encode()
    listed = [json.loads(bucket.read(f"{order['annotations']}{split}.json")) for split in ("train", "test")]
    assert [len(each["images"]) for each in listed] == [2, 2]
    assert json.loads(bucket.read(f"{order['annotations']}baselines.json"))["schema"] == "imagesift.baselines/1"


def test_many_pictures_are_put_together_by_whoever_looks(
    dataset: DatasetSnapshot, actor: User, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "FIRST_SECONDS", -1.0)
    version = fresh(begin_training(wanted(dataset), actor))
    assert (version.phase, version.steps_done, version.steps_total) == (orders.PICTURES, 0, 6)
    assert bucket.orders() == {}
    orders.look(version)
    assert fresh(version).phase == orders.ORDERED
    assert len(bucket.keys(f"{dataset.folder}/images/")) == 6
    orders.look(version)
    assert list(bucket.orders()) == ["train"]


def test_images_without_a_preview_are_left_out_and_an_empty_split_ends_it(
    dataset: DatasetSnapshot, actor: User, bucket: Bucket
) -> None:
    first, second = dataset.images.filter(split="test").select_related("image")
    bucket.s3.delete_object(Bucket=BUCKETS["derived"], Key=first.image.preview_key)
    begin_training(wanted(dataset), actor)
    document = json.loads(bucket.read(f"{bucket.orders()['train']['annotations']}test.json"))
    assert [each["file_name"] for each in document["images"]] == [second.file_name]
    assert {each["image_id"] for each in document["annotations"]} == {document["images"][0]["id"]}

    for key in (second.image.preview_key, f"{dataset.folder}/{second.file_name}"):
        bucket.s3.delete_object(Bucket=BUCKETS["derived"], Key=key)
    refused = fresh(begin_training(wanted(dataset), actor))
    assert refused.state == VersionState.FAILED
    assert "No picture is left" in refused.error


def test_answers_and_changes_move_it_along(version: ModelVersion) -> None:
    assert version.job_name.startswith(NAME)
    assert told(version, "InProgress", "Starting").state == VersionState.QUEUED
    assert told(version, "InProgress", "Training").state == VersionState.TRAINING


def test_a_look_shows_progress_and_curve(version: ModelVersion, bucket: Bucket) -> None:
    validation = {"kind": "validation", "step": 20, "map50": 0.4}
    bucket.progress(version, {"kind": "phase", "phase": "training"}, step(10), step(20), validation)
    orders.look(version)
    seen = fresh(version)
    assert (seen.state, seen.phase, seen.steps_done, seen.steps_total) == (VersionState.TRAINING, "training", 20, 300)
    assert seen.curve == {"loss": [[10, 1.5], [20, 1.5]], "map50": [[20, 0.4]]}
    assert seen.started_at


def test_a_finished_training_is_taken_in_and_registered(version: ModelVersion, bucket: Bucket, tmp_path: Path) -> None:
    bucket.finish(version)
    ready = told(version, "Completed", "Completed")
    assert (ready.state, ready.has_passed, ready.map50) == (VersionState.READY, True, 0.83)
    assert ready.served_as == ModelFolder(model_folder(tmp_path / "model")).version
    assert ready.finished_at
    for name in ("model/model.onnx", "torch/model.safetensors", "report/worst-1.jpg", "model.tar.gz"):
        assert f"{version.folder}/{name}" in bucket.keys(version.folder)
    order = bucket.orders()["register"]
    assert (order["archive"], order["report"]) == (
        f"{version.folder}/model.tar.gz",
        f"{version.folder}/report.json",
    )
    assert order["about"]["served_as"] == ready.served_as
    erase_due()
    assert bucket.keys(f"{version.folder}/data/") == []
    assert bucket.keys(f"{version.folder}/run/"), "it is kept for a while"


def test_a_look_finds_the_end_that_nobody_told_of(
    version: ModelVersion, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.finish(version)
    orders.look(version)
    assert fresh(version).state == VersionState.TRAINING, "the last files may still be on their way"
    monkeypatch.setattr(following, "SETTLED", timedelta(0))
    orders.look(version)
    assert fresh(version).state == VersionState.READY


def test_what_happened_before_or_comes_twice_changes_nothing(version: ModelVersion, bucket: Bucket) -> None:
    bucket.finish(version)
    ready = told(version, "Completed")
    assert not orders.take_event(version.job_name, status="InProgress", secondary="Training", reason="")
    assert not orders.take_event(version.job_name, status="Failed", secondary="", reason="late")
    answered(version, "train", job_name=version.job_name, problem="late")
    assert fresh(version).finished_at == ready.finished_at
    assert fresh(version).state == VersionState.READY


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("CapacityError: Unable to provision requested ML compute capacity.", "no machine free"),
        ("AlgorithmError: exit code: 1", "exit code: 1"),
    ],
)
def test_a_failed_job_says_why(version: ModelVersion, reason: str, words: str) -> None:
    failed = told(version, "Failed", "Failed", reason)
    assert failed.state == VersionState.FAILED
    assert words in failed.error


def test_the_trainings_own_sentence_comes_first(version: ModelVersion, bucket: Bucket) -> None:
    bucket.progress(version, step(10), {"kind": "failed", "message": "There is not enough memory."})
    assert told(version, "Failed", "Failed", "AlgorithmError").error == "There is not enough memory."


def test_a_completed_job_that_left_nothing_has_failed(version: ModelVersion) -> None:
    failed = told(version, "Completed")
    assert (failed.state, "cannot be used" in failed.error) == (VersionState.FAILED, True)


def test_a_refusal_ends_it_and_the_next_attempt_is_another_job(
    version: ModelVersion, actor: User, bucket: Bucket
) -> None:
    answered(version, "train", problem="AWS lets this account use no more instances.")
    assert fresh(version).error == "AWS lets this account use no more instances."
    bucket.forget_orders()
    again = fresh(try_again(version, actor))
    assert again.state == VersionState.QUEUED
    assert orders_job(again) != orders_job(version)
    assert bucket.orders()["train"]["job"] == again.job_name
    assert not orders.take_event(version.job_name, status="Stopped", secondary="", reason="")
    assert not orders.take_answer(
        version.pk, order="train", job=orders_job(version), job_name="late", package_arn="", problem=""
    )
    assert not StorageDeletion.objects.filter(path=f"{version.folder}/run").exists(), "it goes on from there"


def test_a_job_that_is_stopped_or_takes_too_long(version: ModelVersion, actor: User, bucket: Bucket) -> None:
    stop_training(version, actor)
    assert bucket.orders()["stop"]["job"] == orders_job(version)
    assert fresh(version).is_active, "until it has ended"
    assert told(version, "Stopped", "Stopped").state == VersionState.STOPPED
    again = fresh(try_again(version, actor))
    answered(again, "train", job_name=NAME + again.job_name)
    late = told(fresh(again), "Stopped", "MaxRuntimeExceeded")
    assert (late.state, "trainingHours" in late.error) == (VersionState.FAILED, True)


def test_a_training_that_no_job_was_made_for_stops_at_once(
    dataset: DatasetSnapshot, actor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "FIRST_SECONDS", -1.0)
    version = begin_training(wanted(dataset), actor)
    stop_training(version, actor)
    assert fresh(version).state == VersionState.STOPPED
    monkeypatch.undo()
    asked = fresh(begin_training(wanted(dataset), actor))
    stop_training(asked, actor)
    assert answered(asked, "stop")
    assert fresh(asked).state == VersionState.STOPPED


def test_nobody_waits_for_ever_for_an_answer(dataset: DatasetSnapshot, actor: User) -> None:
    version = begin_training(wanted(dataset), actor)
    orders.look(version)
    assert fresh(version).is_active
    ModelVersion.objects.update(beat_at=timezone.now() - timedelta(hours=7))
    orders.look(version)
    assert "no answer came" in fresh(version).error


def test_a_decision_reaches_the_registry_even_if_it_came_first(
    version: ModelVersion, actor: User, bucket: Bucket
) -> None:
    bucket.finish(version)
    told(version, "Completed")
    approve(version, actor)
    assert "approve" not in bucket.orders()
    answered(version, "register", package_arn=PACKAGE)
    assert fresh(version).package_arn == PACKAGE
    assert bucket.orders()["approve"]["package_arn"] == PACKAGE


def test_a_decision_in_awss_console_counts_where_nobody_has_decided(version: ModelVersion, bucket: Bucket) -> None:
    bucket.finish(version)
    told(version, "Completed")
    answered(version, "register", package_arn=PACKAGE)
    assert not orders.take_approval(PACKAGE, "PendingManualApproval")
    assert orders.take_approval(PACKAGE, "Approved")
    assert fresh(version).approval == Approval.APPROVED
    assert AuditEntry.objects.get(actor=None).actor_name == "Amazon SageMaker"
    assert not orders.take_approval(PACKAGE, "Rejected"), "somebody has decided"


def test_awss_console_cannot_approve_what_the_gate_refused(version: ModelVersion, bucket: Bucket) -> None:
    bucket.finish(version, {"verdict": "refused", "reasons": ["Too few images."]})
    told(version, "Completed")
    answered(version, "register", package_arn=PACKAGE)
    assert not orders.take_approval(PACKAGE, "Approved")
    assert fresh(version).approval == Approval.PENDING


def test_an_image_that_is_deleted_meanwhile_leaves_pictures_and_lists(
    version: ModelVersion, dataset: DatasetSnapshot, bucket: Bucket
) -> None:
    row = dataset.images.select_related("image").first()
    assert row is not None
    delete_images(Image.objects.filter(pk=row.image_id))
    erase_due()
    assert f"{dataset.folder}/{row.file_name}" not in bucket.keys(dataset.folder)
    assert bucket.keys(f"{version.folder}/data/") == []
    assert row.file_name not in channels.pictures_there(dataset)
