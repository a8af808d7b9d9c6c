"""A training on SageMaker that nothing is heard of, that is asked for twice, or whose result nobody may keep."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.accounts.models import User
from portal.finetuning import channels, following, orders, tasks
from portal.finetuning.beginning import begin_training, stop_training, try_again
from portal.finetuning.models import DatasetSnapshot, ModelVersion, VersionState
from portal.images.deletion import delete_images
from portal.images.erasing import erase_due
from portal.images.models import Image
from tests.portal.finetuning.on_aws import Bucket, step, wanted
from tests.portal.finetuning.test_orders import (
    NAME,
    actor,
    answered,
    bucket,
    dataset,
    fresh,
    orders_job,
    told,
    version,
)
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


def test_a_result_is_taken_in_though_aws_told_of_something_later_than_its_end(
    version: ModelVersion, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are there, then word comes that they are copied, and the word of the end is lost."""
    bucket.finish(version)
    told(version, "InProgress", "Uploading")
    some_minutes_ago = timezone.now() - timedelta(minutes=5)
    monkeypatch.setattr(following, "_told_at", lambda _version: some_minutes_ago)
    orders.look(version)
    assert fresh(version).state == VersionState.READY


def test_a_job_that_got_no_machine_does_not_repeat_what_an_earlier_attempt_said(
    version: ModelVersion, actor: User, bucket: Bucket
) -> None:
    bucket.progress(version, step(10), {"kind": "failed", "message": "There is not enough memory."})
    told(version, "Failed", reason="AlgorithmError")
    again = fresh(try_again(fresh(version), actor))
    assert "no machine free" in told(again, "Failed", reason="CapacityError: no capacity").error


def test_one_whose_stop_was_cut_short_stops_with_the_next_look(
    dataset: DatasetSnapshot, actor: User, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "FIRST_SECONDS", -1.0)
    waiting = begin_training(wanted(dataset), actor)
    with monkeypatch.context() as patch:
        patch.setattr(orders, "order_stop", lambda _version: None)
        stop_training(waiting, actor)
    assert fresh(waiting).is_active
    orders.look(waiting)
    assert fresh(waiting).state == VersionState.STOPPED


def test_each_gets_its_turn_however_many_are_never_heard_of(
    version: ModelVersion, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"dataset": version.dataset, "start": "tiny-shapes", "place": version.place, "phase": orders.ORDERED}
    for number in range(6):
        ModelVersion.objects.create(name="silent", version=number, job_name=f"0-{number}", **values)
    aged(version, minutes=-1)
    looked_at = set()
    monkeypatch.setattr(orders, "look", lambda each: looked_at.add(each.pk))
    for _ in range(50):
        tasks.on_swept()
    assert len(looked_at) == 7


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


def test_a_stop_reaches_a_job_that_gets_its_name_while_it_is_stopped(
    version: ModelVersion, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.forget_orders()
    name = version.job_name
    ModelVersion.objects.filter(pk=version.pk).update(job_name="", phase="")

    def end_late(version: ModelVersion, state: VersionState) -> None:
        ModelVersion.objects.filter(pk=version.pk).update(job_name=name)
        following.end(version, state)

    monkeypatch.setattr(orders, "end", end_late)
    orders.order_stop(fresh(version))
    assert (fresh(version).state, bucket.orders()["stop"]["job"]) == (VersionState.STOPPED, orders_job(version))


def test_one_that_is_stopped_while_its_lists_are_written_keeps_none(
    dataset: DatasetSnapshot, actor: User, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "FIRST_SECONDS", -1.0)
    version = fresh(begin_training(wanted(dataset), actor))

    def stop_and_write(version: ModelVersion, folder: str) -> None:
        stop_training(fresh(version), actor)
        erase_due()
        channels.write_lists(version, folder)

    monkeypatch.setattr(orders, "write_lists", stop_and_write)
    orders.look(version)
    erase_due()
    assert fresh(version).state == VersionState.STOPPED
    assert "stop" in bucket.orders(), "which undoes the order to train, whichever comes first"
    assert not bucket.keys(f"{version.folder}/data/")


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
    assert not [key for key in bucket.keys(version.folder) if key.endswith((".jpg", "output.tar.gz"))]


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
    [
        {"worst": [{"image": "", "file_name": "images/1.jpg", "words": "?"}]},
        {"worst": [{"image": "report/../model", "file_name": "images/1.jpg", "words": "?"}]},
        {"worst": [{"image": "report/worst-1.jpg", "words": "?"}]},
        {"worst": {}},
        {"candidate": None},
    ],
)
def test_a_report_of_another_shape_is_refused_and_hinders_no_deletion(
    version: ModelVersion, dataset: DatasetSnapshot, bucket: Bucket, report: dict[str, Any]
) -> None:
    bucket.finish(version, **report)
    failed = told(version, "Completed")
    assert (failed.state, "cannot be used" in failed.error) == (VersionState.FAILED, True)
    delete_images(Image.objects.filter(pk=dataset.images.all()[0].image_id))
