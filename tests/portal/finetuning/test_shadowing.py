"""Shadows: a candidate beside what runs, on a share of new uploads, seen by no owner and in nobody's way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django_tasks_db.models import DBTaskResult

from portal.accounts.models import User
from portal.finetuning import shadowing
from portal.finetuning.approving import reject
from portal.finetuning.models import Approval, DatasetSnapshot, ModelVersion, ShadowRun, ShadowSeen
from portal.finetuning.promoting import promote
from portal.finetuning.shadow_tasks import look_beside
from portal.finetuning.shadowing import is_chosen, start_shadow, stop_shadow
from portal.images.deletion import delete_images
from portal.images.models import FlagVerdict, Image, Status
from portal.images.queueing import recognize_again
from portal.images.signals import images_deleting
from portal.images.tasks import recognize_image
from portal.moderation.deeds import Refused
from portal.moderation.models import AuditEntry
from tests.conftest import MakeImage
from tests.portal.finetuning.candidates import SEED, SIDE, shapes_image
from tests.portal.finetuning.conftest import MakeAnnotated, jpeg
from tests.portal.finetuning.versions import (
    approved_version,
    drawn_dataset,
    ready_version,
    trainer,
    without_files,
)
from training.shapes import SHAPES, draw

pytestmark = pytest.mark.django_db

Committing = Callable[..., Any]


@pytest.fixture
def dataset(annotated: MakeAnnotated) -> DatasetSnapshot:
    return drawn_dataset(annotated)


@pytest.fixture
def actor(owner: User) -> User:
    return trainer(owner)


@pytest.fixture
def candidate(dataset: DatasetSnapshot) -> ModelVersion:
    return ready_version(dataset, 1)


@pytest.fixture(autouse=True)
def _only_our_own(settings: Any) -> None:
    settings.DETECTORS = ("custom", "properties")


@pytest.fixture
def uploaded(
    owner: User, stored_image: MakeImage, django_capture_on_commit_callbacks: Committing
) -> Callable[[], Image]:
    """Recognise a new upload as the worker does, with all that follows it but the shadow's task."""
    count = 0

    def make() -> Image:
        nonlocal count
        count += 1
        image = stored_image(owner, jpeg(draw(SEED + count, SIDE, SIDE)[0]), f"{count}.jpg")
        with django_capture_on_commit_callbacks(execute=True):
            recognize_image.call(str(image.pk))
        image.refresh_from_db()
        assert image.status == Status.RECOGNIZED
        return image

    return make


def asked() -> list[list[Any]]:
    """The arguments of the tasks that wait for the candidate."""
    waiting = DBTaskResult.objects.filter(task_path=look_beside.module_path).order_by("enqueued_at")
    return [task.args_kwargs["args"] for task in waiting]


def work() -> None:
    for arguments in asked():
        look_beside.call(*arguments)


def test_a_candidate_looks_at_new_uploads_and_what_it_says_is_kept_apart(
    candidate: ModelVersion, actor: User, uploaded: Callable[[], Image]
) -> None:
    run = start_shadow(candidate, 100, actor)
    image = uploaded()
    work()
    seen = ShadowSeen.objects.get()
    assert (seen.run, seen.image, seen.recognition, seen.problem) == (run, image, image.current, "")
    assert {label["name"].lower() for label in seen.labels} <= set(SHAPES)
    assert all(label["instances"] for label in seen.labels)
    assert seen.labels
    assert seen.duration_ms is not None
    assert seen.running_duration_ms is None
    assert image.current
    assert image.current.result.labels == ()
    work()
    assert ShadowSeen.objects.count() == 1


def test_the_time_of_the_model_that_runs_is_noted_beside_it(
    dataset: DatasetSnapshot, actor: User, uploaded: Callable[[], Image]
) -> None:
    promote(approved_version(dataset, 1), actor)
    start_shadow(ready_version(dataset, 2), 100, actor)
    image = uploaded()
    work()
    assert image.current
    (ran,) = (run for run in image.current.document["detectors"] if run["name"] == "custom")
    assert ShadowSeen.objects.get().running_duration_ms == ran["duration_ms"]


def test_a_candidate_that_fails_harms_no_image(
    candidate: ModelVersion, actor: User, uploaded: Callable[[], Image]
) -> None:
    start_shadow(candidate, 100, actor)
    image = uploaded()
    before = Image.objects.values().get(pk=image.pk)
    without_files(candidate)
    work()
    assert "files of shapes v1 are gone" in ShadowSeen.objects.get().problem
    assert Image.objects.values().get(pk=image.pk) == before
    assert image.recognitions.count() == 1


def test_a_shadow_that_cannot_even_be_asked_for_harms_no_image(
    candidate: ModelVersion, actor: User, uploaded: Callable[[], Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    start_shadow(candidate, 100, actor)

    def breaks(*_arguments: Any) -> bool:
        raise RuntimeError("broken")

    monkeypatch.setattr(shadowing, "is_chosen", breaks)
    assert uploaded().status == Status.RECOGNIZED
    assert asked() == []


def test_the_share_is_always_the_same_and_of_the_right_size() -> None:
    ids = [uuid4() for _ in range(4000)]
    fifth = {pk for pk in ids if is_chosen(pk, 20)}
    assert fifth == {pk for pk in ids if is_chosen(pk, 20)}
    assert 0.16 < len(fifth) / len(ids) < 0.24
    assert fifth <= {pk for pk in ids if is_chosen(pk, 50)}
    assert all(is_chosen(pk, 100) for pk in ids)


def test_only_the_first_recognition_of_an_upload_since_the_start_is_looked_at(
    candidate: ModelVersion,
    actor: User,
    uploaded: Callable[[], Image],
    django_capture_on_commit_callbacks: Committing,
) -> None:
    old = uploaded()
    start_shadow(candidate, 100, actor)
    with django_capture_on_commit_callbacks(execute=True):
        recognize_again(old)
        recognize_image.call(str(old.pk))
    assert asked() == []
    new = uploaded()
    stop_shadow(actor)
    uploaded()
    assert [arguments[1] for arguments in asked()] == [str(new.pk)]
    work()
    assert not ShadowSeen.objects.exists()


@pytest.mark.parametrize("how", ["deleted", "removed"])
def test_what_it_said_goes_with_the_image(
    how: str, candidate: ModelVersion, actor: User, uploaded: Callable[[], Image]
) -> None:
    start_shadow(candidate, 100, actor)
    image = uploaded()
    work()
    assert ShadowSeen.objects.exists()
    if how == "deleted":
        delete_images(Image.objects.filter(pk=image.pk))
    else:
        Image.objects.filter(pk=image.pk).update(verdict=FlagVerdict.REMOVED)
        images_deleting.send(Image, ids=[image.pk], receipt=None)
    assert not ShadowSeen.objects.exists()
    work()
    assert not ShadowSeen.objects.exists()


def test_one_runs_at_a_time_and_starting_it_twice_is_once(dataset: DatasetSnapshot, actor: User) -> None:
    one, two = ready_version(dataset, 1), ready_version(dataset, 2)
    run = start_shadow(one, 20, actor)
    assert start_shadow(one, 20, actor) == run
    with pytest.raises(Refused, match="shapes v1 looks at 20 % of new uploads already"):
        start_shadow(two, 20, actor)
    stopped = stop_shadow(actor)
    assert stopped
    assert stopped.stopped_at
    assert stop_shadow(actor) is None
    assert start_shadow(two, 20, actor).is_running
    assert [entry.after["did"] for entry in AuditEntry.objects.order_by("at")] == [
        "shadow started",
        "shadow stopped",
        "shadow started",
    ]


def test_what_cannot_be_a_shadow_is_refused(
    dataset: DatasetSnapshot, actor: User, stranger: User, settings: Any
) -> None:
    running, candidate = approved_version(dataset, 1), ready_version(dataset, 2)
    promote(running, actor)
    refusals = [
        (running, 20, actor, "is what runs"),
        (candidate, 0, actor, "between 1 and 100"),
        (candidate, 20, stranger, "may not decide"),
        (ready_version(dataset, 3, approval=Approval.REJECTED), 20, actor, "was rejected"),
        (ready_version(dataset, 4, state="training"), 20, actor, "not trained"),
    ]
    for version, percent, person, says in refusals:
        with pytest.raises(Refused, match=says):
            start_shadow(version, percent, person)
    without_files(candidate)
    with pytest.raises(Refused, match="are gone"):
        start_shadow(candidate, 20, actor)
    settings.RECOGNIZED_BY = "lambda"
    with pytest.raises(Refused, match="This stack on AWS has none"):
        start_shadow(candidate, 20, actor)
    assert not ShadowRun.objects.exists()


def test_a_shadow_that_was_promoted_is_not_compared_with_itself(
    dataset: DatasetSnapshot, actor: User, uploaded: Callable[[], Image]
) -> None:
    version = approved_version(dataset)
    start_shadow(version, 100, actor)
    promote(version, actor)
    uploaded()
    assert asked() == []


def test_an_image_that_was_removed_before_its_look_is_not_looked_at(
    candidate: ModelVersion, actor: User, recognized_image: MakeImage, owner: User
) -> None:
    run = start_shadow(candidate, 100, actor)
    image = shapes_image(recognized_image, owner)
    Image.objects.filter(pk=image.pk).update(verdict=FlagVerdict.REMOVED)
    look_beside.call(run.pk, str(image.pk))
    assert not ShadowSeen.objects.exists()


def test_rejecting_a_version_ends_its_shadow(candidate: ModelVersion, actor: User) -> None:
    start_shadow(candidate, 100, actor)
    reject(candidate, actor)
    assert shadowing.current() is None
    assert AuditEntry.objects.order_by("-at")[0].after["did"] == "shadow stopped"


def test_an_old_page_stops_no_other_versions_shadow(
    candidate: ModelVersion, dataset: DatasetSnapshot, actor: User
) -> None:
    other = ready_version(dataset, 2)
    start_shadow(other, 100, actor)
    with pytest.raises(Refused, match="shapes v2 does"):
        stop_shadow(actor, of=candidate)
    assert stop_shadow(actor, of=other)
