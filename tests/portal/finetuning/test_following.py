"""A training on SageMaker that nothing is heard of, that is asked for twice, or whose result nobody may keep."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.accounts.models import User
from portal.finetuning import following, orders, tasks
from portal.finetuning.beginning import begin_training, register_again, try_again
from portal.finetuning.models import DatasetSnapshot, ModelVersion, VersionState
from portal.images.deletion import delete_images
from portal.images.erasing import erase_due
from portal.images.models import Image
from portal.moderation.deeds import Refused
from tests.portal.finetuning.on_aws import Bucket, step, wanted
from tests.portal.finetuning.test_orders import NAME, actor, answered, bucket, dataset, fresh, told, version
from tests.portal.test_s3_storage import s3, s3_address

__all__ = ["actor", "bucket", "dataset", "s3", "s3_address", "version"]

pytestmark = pytest.mark.django_db(transaction=True)


def aged(version: ModelVersion, **age: float) -> ModelVersion:
    """As if nothing had been heard of it for so long."""
    ModelVersion.objects.filter(pk=version.pk).update(beat_at=timezone.now() - timedelta(**age))
    return fresh(version)


def test_what_an_earlier_attempt_said_of_itself_is_no_sign_of_life(
    version: ModelVersion, actor: User, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.progress(version, step(100))
    told(version, "Failed", reason="CapacityError: no capacity")
    again = fresh(try_again(fresh(version), actor))
    long_ago = timezone.now() - timedelta(days=1)
    monkeypatch.setattr(following, "_told_at", lambda _version: long_ago)
    orders.look(again)
    assert fresh(again).state == VersionState.QUEUED
    orders.look(aged(again, hours=7))
    assert (fresh(again).state, "no answer came" in fresh(again).error) == (VersionState.FAILED, True)


def test_a_job_whose_end_nobody_told_of_is_not_waited_for_for_ever(version: ModelVersion) -> None:
    orders.look(aged(version, days=10))
    assert fresh(version).is_active, "a stack may let it wait so long"
    orders.look(aged(version, days=12))
    assert (fresh(version).state, "Nothing was heard" in fresh(version).error) == (VersionState.FAILED, True)


def test_one_that_waits_for_a_machine_keeps_no_other_from_being_prepared(
    dataset: DatasetSnapshot, actor: User, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "FIRST_SECONDS", -1.0)
    older = fresh(begin_training(wanted(dataset), actor))
    monkeypatch.setattr(orders, "FIRST_SECONDS", 4.0)
    newer = fresh(begin_training(wanted(dataset, name="other"), actor))
    assert answered(newer, "train", job_name=NAME + newer.job_name)
    for _ in range(3):
        tasks.on_swept()
    assert fresh(older).phase == orders.ORDERED


def test_two_that_look_at_once_order_one_job(version: ModelVersion, bucket: Bucket) -> None:
    bucket.forget_orders()
    ModelVersion.objects.filter(pk=version.pk).update(job_name="", phase="", state=VersionState.QUEUED)
    one, other = fresh(version), fresh(version)
    orders.order_training(one)
    orders.order_training(other)
    assert len(bucket.keys("outbox/training/")) == 1


def test_a_stop_reaches_a_job_that_got_its_name_meanwhile(version: ModelVersion, bucket: Bucket) -> None:
    seen_before = fresh(version)
    seen_before.job_name = ""
    bucket.forget_orders()
    orders.order_stop(seen_before)
    assert list(bucket.orders()) == ["stop"]


def test_a_photo_deleted_during_the_job_leaves_all_that_the_job_left(
    version: ModelVersion, dataset: DatasetSnapshot, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the function dies in the middle of taking the result in."""
    bucket.finish(version)
    bucket.put(f"{version.folder}/output/{version.job_name}/output/output.tar.gz", b"report/worst-1.jpg")
    row = dataset.images.filter(split="test").order_by("sha256")[0]
    delete_images(Image.objects.filter(pk=row.image_id))

    def die(_version_id: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(following, "forget_strangers", die)
        with pytest.raises(MemoryError):
            told(version, "Completed")
    assert told(version, "Completed").state == VersionState.READY
    erase_due()
    assert fresh(version).report["worst"] == []
    assert [key for key in bucket.keys(version.folder) if key.endswith((".jpg", "output.tar.gz"))] == [
        f"{version.folder}/run/result/report/worst-7.jpg"
    ], "which goes with the run folder"


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_of_a_training_that_came_to_nothing_no_picture_stays(
    version: ModelVersion, bucket: Bucket, status: str
) -> None:
    bucket.put(f"{version.folder}/run/result/report/worst-1.jpg", b"a picture")
    bucket.put(f"{version.folder}/run/checkpoints/20.pt", b"a checkpoint")
    told(version, status)
    erase_due()
    assert not bucket.keys(f"{version.folder}/run/result/")
    assert bucket.keys(f"{version.folder}/run/checkpoints/")


def test_the_next_attempt_finds_no_result_and_loses_none(version: ModelVersion, actor: User, bucket: Bucket) -> None:
    bucket.put(f"{version.folder}/run/result/report/worst-1.jpg", b"a picture")
    told(version, "Failed")
    again = fresh(try_again(fresh(version), actor))
    assert not bucket.keys(f"{version.folder}/run/result/")
    bucket.finish(again)
    erase_due()
    assert bucket.keys(f"{version.folder}/run/result/")


@pytest.mark.parametrize(
    "report",
    [{"worst": [{"image": "report/worst-1.jpg", "words": "?"}]}, {"worst": {}}, {"candidate": None}],
)
def test_a_report_of_another_shape_is_refused_and_hinders_no_deletion(
    version: ModelVersion, dataset: DatasetSnapshot, bucket: Bucket, report: dict[str, Any]
) -> None:
    bucket.finish(version, **report)
    failed = told(version, "Completed")
    assert (failed.state, "cannot be used" in failed.error) == (VersionState.FAILED, True)
    delete_images(Image.objects.filter(pk=dataset.images.all()[0].image_id))


def test_a_registration_that_was_refused_is_asked_for_again(version: ModelVersion, actor: User, bucket: Bucket) -> None:
    bucket.finish(version)
    ready = told(version, "Completed")
    first = bucket.orders()["register"]
    assert answered(ready, "register", problem="AWS lets this account have no more packages.")
    bucket.forget_orders()
    register_again(fresh(ready), actor)
    assert (bucket.orders()["register"], fresh(ready).error) == (first, "")
    assert answered(fresh(ready), "register", package_arn="arn:aws:sagemaker:…:model-package/detector/1")
    with pytest.raises(Refused, match="needs no registration"):
        register_again(fresh(ready), actor)
