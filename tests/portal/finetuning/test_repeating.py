"""Recognising the history again: at a pace, with pauses, harming no image, whoever drives it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from portal.accounts.models import User
from portal.finetuning.models import DatasetSnapshot, ModelVersion, Repeat, RepeatState
from portal.finetuning.promoting import promote
from portal.finetuning.repeating import begin_repeat, cancel, estimate, go_on, pause, step
from portal.images.deletion import delete_images
from portal.images.models import FlagVerdict, Hold, Image, Status
from portal.images.recording import record_result
from portal.images.spending import reserve
from portal.images.sweeping import sweep
from portal.images.tasks import recognize_image
from portal.moderation.deeds import Refused
from portal.moderation.models import AuditEntry
from recognition.prices import DEFAULT_PRICES, PriceTable
from recognition.result import DetectorRun
from tests.conftest import MakeImage, make_result
from tests.portal.finetuning.candidates import ran, shapes_image
from tests.portal.finetuning.conftest import MakeAnnotated, make_snapshot
from tests.portal.finetuning.versions import approved_version, trainer

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(annotated: MakeAnnotated) -> DatasetSnapshot:
    annotated()
    return make_snapshot()


@pytest.fixture
def actor(owner: User) -> User:
    return trainer(owner)


@pytest.fixture
def running(dataset: DatasetSnapshot, actor: User) -> ModelVersion:
    version = approved_version(dataset)
    promote(version, actor)
    return version


@pytest.fixture
def history(owner: User, recognized_image: MakeImage) -> list[Image]:
    """Five images that an earlier model saw, in the order in which they are taken."""
    made = [recognized_image(owner, detectors=ran("shapes-v0-abc")) for _ in range(5)]
    return sorted(made, key=lambda image: image.pk)


def passes(repeat: Repeat, **time: float) -> None:
    """Let so much time pass since its last step."""
    Repeat.objects.filter(pk=repeat.pk).update(stepped_at=timezone.now() - timedelta(**time))


def queued() -> set[Any]:
    return set(Image.objects.filter(status=Status.QUEUED).values_list("pk", flat=True))


def recognized(image: Image, version: str) -> None:
    record_result(make_result(image, detectors=ran(version)))


def now(repeat: Repeat) -> Repeat:
    repeat.refresh_from_db()
    return repeat


def test_images_are_queued_again_at_the_pace_until_all_are(
    running: ModelVersion, actor: User, history: list[Image]
) -> None:
    repeat = begin_repeat(2, actor)
    assert (repeat.images_total, repeat.served_as) == (5, running.served_as)
    assert step(repeat.pk) == 0, "no time has passed"
    passes(repeat, seconds=61)
    assert step(repeat.pk) == 2
    assert queued() == {image.pk for image in history[:2]}
    passes(repeat, seconds=61)
    assert step(repeat.pk) == 0, "a minute's worth waits already"
    for image in history[:2]:
        recognized(image, running.served_as)
    assert step(repeat.pk) == 2
    assert now(repeat).percent_done == 80
    for image in history[2:4]:
        recognized(image, running.served_as)
    passes(repeat, minutes=1.1)
    assert step(repeat.pk) == 1
    assert (now(repeat).state, repeat.images_queued, repeat.images_left_alone) == (RepeatState.DONE, 5, 0)
    assert repeat.finished_at
    assert repeat.percent_done == 100
    assert step(repeat.pk) == 0


def test_an_image_is_really_recognised_again_and_its_earlier_result_stays(
    running: ModelVersion, actor: User, owner: User, recognized_image: MakeImage, settings: Any
) -> None:
    settings.DETECTORS = ("custom", "properties")
    image = shapes_image(recognized_image, owner, detectors=ran("shapes-v0-abc"))
    earlier = image.current
    repeat = begin_repeat(60, actor)
    passes(repeat, minutes=1)
    step(repeat.pk)
    recognize_image.call(str(image.pk))
    image.refresh_from_db()
    assert image.current
    assert image.status == Status.RECOGNIZED
    versions = {run["name"]: run["version"] for run in image.current.document["detectors"]}
    assert versions["custom"] == running.served_as
    assert earlier in image.recognitions.all()
    assert image.recognitions.count() == 2


def test_what_names_the_running_version_is_not_asked_again(
    running: ModelVersion, actor: User, history: list[Image]
) -> None:
    for image in history[1:]:
        recognized(image, running.served_as)
    assert estimate().images == 1
    repeat = begin_repeat(60, actor)
    passes(repeat, minutes=1)
    assert step(repeat.pk) == 1
    assert queued() == {history[0].pk}
    recognized(history[0], running.served_as)
    cancel(repeat.pk, actor)
    with pytest.raises(Refused, match="newest result of every image names"):
        begin_repeat(60, actor)


def test_busy_removed_and_deleted_images_are_passed_over_and_counted(
    running: ModelVersion, actor: User, history: list[Image]
) -> None:
    repeat = begin_repeat(60, actor)
    busy, removed, deleted, seen, left = history
    Image.objects.filter(pk=busy.pk).update(status=Status.PROCESSING)
    Image.objects.filter(pk=removed.pk).update(verdict=FlagVerdict.REMOVED)
    delete_images(Image.objects.filter(pk=deleted.pk))
    recognized(seen, running.served_as)
    passes(repeat, minutes=2)
    assert step(repeat.pk) == 1
    assert queued() == {left.pk}
    assert Image.objects.get(pk=busy.pk).status == Status.PROCESSING
    assert now(repeat).state == RepeatState.DONE
    assert (repeat.images_total, repeat.images_queued, repeat.images_left_alone) == (5, 1, 4)


def test_paused_it_queues_nothing_and_goes_on_from_where_it_was(
    running: ModelVersion, actor: User, history: list[Image]
) -> None:
    repeat = begin_repeat(2, actor)
    passes(repeat, seconds=31)
    assert step(repeat.pk) == 1
    pause(repeat.pk, actor)
    pause(repeat.pk, actor)
    passes(repeat, hours=1)
    assert step(repeat.pk) == 0
    recognized(history[0], running.served_as)
    go_on(repeat.pk, actor)
    assert step(repeat.pk) == 0, "the time that it stood still counts for nothing"
    passes(repeat, seconds=31)
    assert step(repeat.pk) == 1
    assert queued() == {history[1].pk}
    cancel(repeat.pk, actor)
    passes(repeat, hours=1)
    assert step(repeat.pk) == 0
    assert go_on(repeat.pk, actor).state == RepeatState.CANCELLED
    assert [entry.after["did"] for entry in AuditEntry.objects.filter(verb="model").order_by("at")] == [
        "promoted",
        "repeat begun",
        "repeat paused",
        "repeat goes on",
        "repeat cancelled",
    ]


def test_after_a_standstill_not_everything_comes_at_once(
    running: ModelVersion, actor: User, history: list[Image], settings: Any
) -> None:
    repeat = begin_repeat(60, actor)
    passes(repeat, days=1)
    step(repeat.pk)
    assert now(repeat).stepped_at > timezone.now() - timedelta(minutes=6)


def test_another_promotion_pauses_it(
    running: ModelVersion, dataset: DatasetSnapshot, actor: User, history: list[Image]
) -> None:
    repeat = begin_repeat(60, actor)
    promote(approved_version(dataset, 2), actor)
    passes(repeat, minutes=1)
    assert step(repeat.pk) == 0
    assert now(repeat).state == RepeatState.PAUSED
    with pytest.raises(Refused, match="does not run any more"):
        go_on(repeat.pk, actor)
    with pytest.raises(Refused, match="already"):
        begin_repeat(60, actor)
    cancel(repeat.pk, actor)
    assert begin_repeat(60, actor).images_total == 5


def test_the_sweep_drives_it(running: ModelVersion, actor: User, history: list[Image]) -> None:
    repeat = begin_repeat(60, actor)
    passes(repeat, seconds=3.5)
    sweep()
    assert len(queued()) == 3
    assert now(repeat).images_queued == 3


def test_without_a_budget_an_image_waits_and_keeps_what_was_found(
    running: ModelVersion, actor: User, owner: User, history: list[Image], settings: Any
) -> None:
    settings.MONTHLY_BUDGET_USD = Decimal(0)
    repeat = begin_repeat(60, actor)
    passes(repeat, minutes=1)
    step(repeat.pk)
    image = Image.objects.get(pk=history[0].pk)
    claim = image.take("worker", timezone.now() + timedelta(minutes=1))
    assert claim
    assert not reserve(image, claim, 1000)
    image.refresh_from_db()
    assert (image.status, image.hold) == (Status.QUEUED, Hold.STACK_BUDGET)
    assert image.current == history[0].current
    assert image.current_labels.exists()


def test_what_it_costs_is_the_endpoint_and_what_rekognition_has_not_seen(
    running: ModelVersion, history: list[Image], owner: User, recognized_image: MakeImage, settings: Any
) -> None:
    assert estimate(2).micro_usd == 0
    settings.DETECTORS = ("rekognition", "sagemaker")
    settings.REKOGNITION_FEATURES = ("labels",)
    settings.RECOGNITION_PRICES = PriceTable(micro_usd={**DEFAULT_PRICES.micro_usd, "sagemaker": 7})
    paid = DetectorRun("rekognition", "3.0", 100, fingerprint="e" * 16, cost_micro_usd=1000)
    recognized_image(owner, detectors=(paid,))
    found = estimate(2)
    assert (found.images, found.micro_usd) == (6, 6 * 7 + 5 * 1000)
    assert found.minutes == 3


@pytest.mark.parametrize(("per_minute", "says"), [(0, "pace is between"), (10**6, "pace is between")])
def test_an_impossible_pace_is_refused(
    running: ModelVersion, actor: User, history: list[Image], per_minute: int, says: str
) -> None:
    with pytest.raises(Refused, match=says):
        begin_repeat(per_minute, actor)


def test_strangers_and_those_without_a_model_begin_nothing(
    dataset: DatasetSnapshot, actor: User, stranger: User, history: list[Image]
) -> None:
    with pytest.raises(Refused, match="No model of your own runs"):
        begin_repeat(10, actor)
    promote(approved_version(dataset), actor)
    repeat = begin_repeat(10, actor)
    deeds: list[Callable[[], Any]] = [
        lambda: begin_repeat(10, stranger),
        lambda: pause(repeat.pk, stranger),
        lambda: go_on(repeat.pk, stranger),
        lambda: cancel(repeat.pk, stranger),
    ]
    for deed in deeds:
        with pytest.raises(Refused, match="may not decide"):
            deed()
    assert now(repeat).state == RepeatState.RUNNING
