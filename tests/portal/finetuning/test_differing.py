"""What would change if a candidate ran: over a sample, in steps, whoever takes them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal.accounts.models import User
from portal.finetuning.candidate_models import AT_ONCE, candidate
from portal.finetuning.comparing_labels import Kind
from portal.finetuning.difference_asking import begin_difference
from portal.finetuning.differing import advance, sample
from portal.finetuning.models import SILENCE, DatasetSnapshot, DifferenceRun, SnapshotState
from portal.finetuning.promoting import promote
from portal.finetuning.resuming import on_swept
from portal.finetuning.shadow_tasks import find_differences
from portal.images.deletion import delete_images
from portal.images.models import FlagVerdict, Image, Recognition
from portal.images.models import Label as Word
from portal.moderation.deeds import Refused
from portal.moderation.models import AuditEntry
from tests.conftest import MakeImage
from tests.portal.finetuning.candidates import shapes_image
from tests.portal.finetuning.conftest import MakeAnnotated, make_snapshot
from tests.portal.finetuning.versions import approved_version, ready_version, trainer, without_files

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(annotated: MakeAnnotated) -> DatasetSnapshot:
    snapshot = make_snapshot() if annotated() else None
    assert snapshot
    # Not of the history.
    Image.objects.update(width=None)
    return snapshot


@pytest.fixture
def actor(owner: User) -> User:
    return trainer(owner)


@pytest.fixture
def images(recognized_image: MakeImage, owner: User) -> list[Image]:
    return [shapes_image(recognized_image, owner, number) for number in range(4)]


def whole(run: DifferenceRun) -> DifferenceRun:
    assert advance(run.pk, 60)
    run.refresh_from_db()
    return run


def asked() -> list[str]:
    waiting = DBTaskResult.objects.filter(task_path=find_differences.module_path)
    return [task.args_kwargs["args"][0] for task in waiting]


def test_without_a_model_of_our_own_all_that_the_candidate_says_appears(
    dataset: DatasetSnapshot, actor: User, images: list[Image]
) -> None:
    recognitions = Recognition.objects.count()
    run = begin_difference(ready_version(dataset), 10, actor)
    assert asked() == [str(run.pk)]
    whole(run)
    assert (run.state, run.images_done, run.images_total, run.percent_done) == (SnapshotState.READY, 4, 4, 100)
    assert run.counts
    assert all(each["vanishes"] == each["moves"] == each["stays"] == 0 for each in run.counts.values())
    changes = [change for row in run.images.all() for change in row.changes]
    assert sum(each["appears"] for each in run.counts.values()) == len(changes) > 0
    assert {change["kind"] for change in changes} == {Kind.APPEARS.value}
    assert all(change["confidence"] >= run.shown_from and change["box"] for change in changes)
    assert {row.size for row in run.images.all()} == {len(row.changes) for row in run.images.all()}
    assert Recognition.objects.count() == recognitions, "nothing was recognised, and nothing paid"


def test_the_same_model_changes_nothing(dataset: DatasetSnapshot, actor: User, images: list[Image]) -> None:
    promote(approved_version(dataset, 1), actor)
    run = whole(begin_difference(ready_version(dataset, 2), 10, actor))
    assert run.running
    assert run.counts
    assert all(each["stays"] and not each["appears"] for each in run.counts.values())
    assert not run.images.filter(size__gt=0).exists()


def test_what_the_vocabulary_hides_counts_as_not_there(
    dataset: DatasetSnapshot, actor: User, images: list[Image]
) -> None:
    before = whole(begin_difference(ready_version(dataset, 1), 10, actor))
    hidden = max(before.counts, key=lambda name: before.counts[name]["appears"])
    Word.objects.update_or_create(name=hidden, defaults={"blocked": True})
    after = whole(begin_difference(ready_version(dataset, 2), 10, actor))
    assert set(before.counts) - set(after.counts) == {hidden}


def test_what_a_killed_worker_began_is_gone_on_with(dataset: DatasetSnapshot, actor: User, images: list[Image]) -> None:
    run = begin_difference(ready_version(dataset), 10, actor)
    assert not advance(run.pk, 0)
    run.refresh_from_db()
    assert (run.images_done, run.claim) == (1, None)
    # Killed while it was at the next one.
    DifferenceRun.objects.filter(pk=run.pk).update(claim=uuid4())
    assert not advance(run.pk, 60)
    run.refresh_from_db()
    assert run.images_done == 1
    DBTaskResult.objects.all().delete()
    on_swept()
    assert asked() == []
    DifferenceRun.objects.filter(pk=run.pk).update(beat_at=timezone.now() - 2 * SILENCE)
    on_swept()
    on_swept()
    assert asked() == [str(run.pk)]
    find_differences.call(str(run.pk))
    run.refresh_from_db()
    assert (run.state, run.images_done) == (SnapshotState.READY, 4)
    assert not run.images.filter(looked_at=None).exists()


def test_a_task_asks_for_the_next_when_its_time_is_over(
    dataset: DatasetSnapshot, actor: User, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.finetuning.shadow_tasks.TASK_SECONDS", 0)
    run = begin_difference(ready_version(dataset), 10, actor)
    DBTaskResult.objects.all().delete()
    find_differences.call(str(run.pk))
    assert asked() == [str(run.pk)]


def test_images_that_are_deleted_leave_it_and_those_that_cannot_be_read_are_counted(
    dataset: DatasetSnapshot, actor: User, images: list[Image]
) -> None:
    storages["derived"].delete(images[0].preview_key)
    storages["derived"].save(images[1].preview_key, ContentFile(b"no picture"))
    run = begin_difference(ready_version(dataset), 10, actor)
    assert not advance(run.pk, 0)
    pending = run.images.filter(looked_at=None, image__in=images[2:])
    delete_images(Image.objects.filter(pk__in=pending.values("image")[:1]))
    whole(run)
    assert run.state == SnapshotState.READY
    assert run.images_done == run.images_total == 3
    assert run.images_unreadable == 2
    delete_images(Image.objects.all())
    assert not run.images.exists()


def test_the_sample_is_of_the_newest_and_always_the_same(
    dataset: DatasetSnapshot, owner: User, recognized_image: MakeImage
) -> None:
    made = [shapes_image(recognized_image, owner, number) for number in range(12)]
    for age, image in enumerate(reversed(made)):
        Image.objects.filter(pk=image.pk).update(created_at=timezone.now() - timedelta(days=age))
    (chosen,) = sample(1)
    assert chosen in {image.pk for image in made[2:]}
    assert sample(1) == [chosen]
    assert set(sample(5)) > set(sample(2))
    Image.objects.filter(pk=chosen).update(verdict=FlagVerdict.REMOVED)
    assert chosen not in sample(12)
    assert len(sample(12)) == 11


def test_without_images_or_files_it_fails_in_words(
    dataset: DatasetSnapshot, actor: User, recognized_image: MakeImage, owner: User
) -> None:
    version = ready_version(dataset)
    assert "no recognised image" in whole(begin_difference(version, 10, actor)).error
    shapes_image(recognized_image, owner)
    run = begin_difference(version, 10, actor)
    without_files(version)
    assert whole(run).error == "The files of shapes v1 are gone, so it cannot look at anything."
    assert run.state == SnapshotState.FAILED


def test_asking_twice_is_asking_once_and_the_audit_log_tells_it(
    dataset: DatasetSnapshot, actor: User, images: list[Image]
) -> None:
    version = ready_version(dataset)
    run = begin_difference(version, 10, actor)
    assert begin_difference(version, 10, actor) == run
    entry = AuditEntry.objects.get()
    assert (entry.subject, entry.after["did"], entry.after["against"]) == ("shapes v1", "difference asked for", None)
    whole(run)
    assert begin_difference(version, 10, actor) != run


def test_what_cannot_be_compared_is_refused(
    dataset: DatasetSnapshot, actor: User, stranger: User, settings: Any
) -> None:
    version = ready_version(dataset)
    for images, person, says in ((0, actor, "between 1 and 2,000"), (5, stranger, "may not decide")):
        with pytest.raises(Refused, match=says):
            begin_difference(version, images, person)
    settings.RECOGNIZED_BY = "lambda"
    with pytest.raises(Refused, match="imaging libraries"):
        begin_difference(version, 5, actor)
    assert not DifferenceRun.objects.exists()


def test_two_models_are_kept_and_no_more(dataset: DatasetSnapshot) -> None:
    versions = [ready_version(dataset, number) for number in range(1, AT_ONCE + 2)]
    first = candidate(versions[0])
    assert candidate(versions[0]) is first
    for version in versions[1:]:
        candidate(version)
    assert candidate(versions[0]) is not first
