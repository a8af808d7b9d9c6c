"""Images that wait for money: they lose nothing, cost nothing, and go on when there is some."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.storage import storages
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from PIL import Image as PILImage

from portal.accounts.models import User
from portal.images import spending
from portal.images.budgets import KEY, budgets_changed, publish_budgets
from portal.images.holding import hold, release_held
from portal.images.models import Budget, Hold, Image, MonthlySpend, Status
from portal.images.recording import record_result
from portal.images.spending import next_month, record_spend, this_month
from portal.images.sweeping import sweep
from portal.images.tasks import recognize_image
from tests.conftest import MakeImage, make_result
from tests.recognition.fake_rekognition import FakeRekognition, serve

ONE = 3750


@pytest.fixture(autouse=True)
def _paid(settings: Any) -> None:
    settings.DETECTORS = ("rekognition",)


def held_images(stored_image: MakeImage, owner: User, count: int, reason: Hold = Hold.USER_BUDGET) -> list[Image]:
    """Held images, the oldest first."""
    images = [stored_image(owner, name=f"{owner}-{number}.jpg") for number in range(count)]
    for number, image in enumerate(images):
        queued_at = timezone.now() - timedelta(hours=1, minutes=-number)
        Image.objects.filter(pk=image.pk).update(hold=reason, queued_at=queued_at)
    return images


def waiting(images: list[Image]) -> list[str]:
    return [Image.objects.get(pk=image.pk).hold for image in images]


def queued_tasks() -> list[str]:
    rows = DBTaskResult.objects.filter(task_path=recognize_image.module_path).order_by("enqueued_at")
    return [row.args_kwargs["args"][0] for row in rows]


# The laptop's worker --------------------------------------------------------------------------------------------------


@pytest.fixture
def rekognition(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRekognition]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    # A detector's client is made once, and would go on asking an earlier test's server.
    monkeypatch.setattr("recognition.configuration._made", {})
    with serve() as fake:
        monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", fake.url)
        yield fake


def picture(color: str) -> bytes:
    encoded = io.BytesIO()
    PILImage.new("RGB", (120, 80), color).save(encoded, "PNG")
    return encoded.getvalue()


def test_the_worker_pays_up_to_the_budget_and_holds_the_rest(
    owner: User, stored_image: MakeImage, settings: Any, rekognition: FakeRekognition
) -> None:
    settings.MONTHLY_BUDGET_PER_USER_USD = Decimal("0.008")
    images = [stored_image(owner, picture(color), f"{color}.png") for color in ("red", "green", "blue")]
    for image in images:
        recognize_image.call(str(image.pk))
    assert [Image.objects.get(pk=image.pk).status for image in images] == ["recognized", "recognized", "queued"]
    last = Image.objects.get(pk=images[-1].pk)
    assert (last.hold, last.attempts, last.failure_code) == (Hold.USER_BUDGET, 0, "")
    assert MonthlySpend.objects.get(owner=owner).micro_usd == 2 * ONE
    asked = len(rekognition.requests)
    recognize_image.call(str(last.pk))
    assert len(rekognition.requests) == asked

    settings.MONTHLY_BUDGET_PER_USER_USD = Decimal("0.02")
    assert sweep().released_images == 1
    recognize_image.call(str(last.pk))
    last.refresh_from_db()
    assert (last.status, last.hold) == (Status.RECOGNIZED, Hold.NONE)
    assert last.current.cost_micro_usd == ONE


def test_what_was_paid_before_is_recognised_again_without_a_budget(
    owner: User, stored_image: MakeImage, settings: Any, rekognition: FakeRekognition
) -> None:
    image = stored_image(owner, picture("red"))
    recognize_image.call(str(image.pk))
    settings.MONTHLY_BUDGET_PER_USER_USD = Decimal(0)
    Image.objects.filter(pk=image.pk).update(status=Status.QUEUED)
    recognize_image.call(str(image.pk))
    image.refresh_from_db()
    assert (image.status, image.recognitions.count()) == (Status.RECOGNIZED, 2)
    assert MonthlySpend.objects.get(owner=owner).micro_usd == ONE
    assert len(rekognition.requests) == 3


def test_what_a_lost_attempt_cost_is_counted(
    owner: User, stored_image: MakeImage, rekognition: FakeRekognition, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = stored_image(owner, picture("red"))
    from portal.images import recognizing

    store = recognizing._store_derived

    def deleted_meanwhile(*arguments: Any) -> None:
        store(*arguments)
        Image.objects.filter(pk=image.pk).delete()

    monkeypatch.setattr(recognizing, "_store_derived", deleted_meanwhile)
    recognize_image.call(str(image.pk))
    assert spending.spent(None, this_month()) == ONE


def test_the_sweep_asks_for_no_held_image(owner: User, stored_image: MakeImage, settings: Any) -> None:
    settings.MONTHLY_BUDGET_PER_USER_USD = Decimal(0)
    held_images(stored_image, owner, 2)
    assert sweep().orphaned_images == 0
    assert queued_tasks() == []


# Told by the Lambda ---------------------------------------------------------------------------------------------------


def test_a_message_of_a_held_image_may_come_twice(owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner)
    for _ in range(2):
        assert hold(image.pk, Hold.USER_BUDGET, this_month(), timezone.now())
    assert waiting([image]) == [Hold.USER_BUDGET]


def test_a_held_message_that_comes_before_the_arrival_tells_of_it(owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner, status=Status.AWAITING_UPLOAD)
    moment = timezone.now()
    assert hold(image.pk, Hold.STACK_BUDGET, this_month(), moment)
    image.refresh_from_db()
    assert (image.status, image.hold, image.queued_at) == (Status.QUEUED, Hold.STACK_BUDGET, moment)


def test_a_held_message_that_comes_after_the_result_changes_nothing(owner: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner)
    assert not hold(image.pk, Hold.USER_BUDGET, this_month(), timezone.now())
    image.refresh_from_db()
    assert (image.status, image.hold) == (Status.RECOGNIZED, Hold.NONE)


def test_a_result_ends_the_hold(owner: User, stored_image: MakeImage) -> None:
    (image,) = held_images(stored_image, owner, 1)
    record_result(make_result(image))
    assert waiting([image]) == [Hold.NONE]


def test_an_image_held_for_a_month_that_is_over_goes_on_at_once(owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner)
    hold(image.pk, Hold.USER_BUDGET, this_month() - timedelta(days=1), timezone.now())
    assert (waiting([image]), queued_tasks()) == ([Hold.NONE], [str(image.pk)])


def test_an_image_goes_on_at_once_when_the_budget_was_raised_before_the_message_came(
    owner: User, stored_image: MakeImage, settings: Any
) -> None:
    settings.MONTHLY_BUDGET_PER_USER_USD = Decimal(0)
    image = stored_image(owner)
    Budget.objects.create(owner=owner, monthly_usd=5)
    hold(image.pk, Hold.USER_BUDGET, this_month(), timezone.now() - timedelta(minutes=5))
    assert waiting([image]) == [Hold.NONE]


def test_a_portal_that_knows_of_less_spend_does_not_send_an_image_round_and_round(
    owner: User, stored_image: MakeImage, settings: Any
) -> None:
    settings.MONTHLY_BUDGET_PER_USER_USD = Decimal(5)
    image = stored_image(owner)
    hold(image.pk, Hold.USER_BUDGET, this_month(), timezone.now())
    assert (waiting([image]), queued_tasks()) == ([Hold.USER_BUDGET], [])
    assert sweep().released_images == 0
    assert (waiting([image]), queued_tasks()) == ([Hold.USER_BUDGET], [])


def test_it_asks_again_after_an_hour_or_when_the_month_turns(owner: User, stored_image: MakeImage) -> None:
    month_ends = datetime.combine(next_month(this_month()), time.min, UTC)
    for minutes_before, asks in ((90, month_ends - timedelta(minutes=30)), (10, month_ends)):
        image = stored_image(owner)
        hold(image.pk, Hold.USER_BUDGET, this_month(), month_ends - timedelta(minutes=minutes_before))
        image.refresh_from_db()
        assert image.not_before == asks


def test_a_changed_budget_lets_go_on_what_was_held_a_minute_ago(
    owner: User, stored_image: MakeImage, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.MONTHLY_BUDGET_PER_USER_USD = Decimal(5)
    image = stored_image(owner)
    hold(image.pk, Hold.USER_BUDGET, this_month(), timezone.now() - timedelta(minutes=1))
    with django_capture_on_commit_callbacks(execute=True):
        Budget.objects.create(owner=owner, monthly_usd=5)
        budgets_changed()
    assert waiting([image]) == [Hold.NONE]


# Going on -------------------------------------------------------------------------------------------------------------


def test_as_many_go_on_as_there_is_money_for_the_oldest_first(
    owner: User, stored_image: MakeImage, settings: Any
) -> None:
    settings.MONTHLY_BUDGET_PER_USER_USD = Decimal("0.008")
    images = held_images(stored_image, owner, 3)
    assert release_held() == 2
    assert waiting(images) == [Hold.NONE, Hold.NONE, Hold.USER_BUDGET]
    assert queued_tasks() == [str(image.pk) for image in images[:2]]
    # Those two are going to cost something.
    assert release_held() == 0


def test_one_person_without_money_holds_up_no_other(
    owner: User, stranger: User, stored_image: MakeImage, settings: Any
) -> None:
    settings.MONTHLY_BUDGET_PER_USER_USD = Decimal("0.004")
    record_spend(owner.pk, ONE, timezone.now())
    theirs, others = held_images(stored_image, owner, 2), held_images(stored_image, stranger, 1)
    assert release_held() == 1
    assert waiting([*theirs, *others]) == [Hold.USER_BUDGET, Hold.USER_BUDGET, Hold.NONE]


def test_what_an_image_waits_for_is_brought_up_to_date(owner: User, stored_image: MakeImage, settings: Any) -> None:
    images = held_images(stored_image, owner, 2)
    settings.MONTHLY_BUDGET_USD = Decimal("0.004")
    assert release_held() == 1
    assert waiting(images) == [Hold.NONE, Hold.STACK_BUDGET]


def test_all_go_on_when_the_month_turns(
    owner: User, stored_image: MakeImage, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MONTHLY_BUDGET_PER_USER_USD = Decimal("0.008")
    record_spend(owner.pk, 2 * ONE, timezone.now())
    images = held_images(stored_image, owner, 2)
    assert release_held() == 0
    following = next_month(this_month())
    monkeypatch.setattr(spending, "this_month", lambda: following)
    assert release_held() == 2
    assert waiting(images) == [Hold.NONE, Hold.NONE]


def test_no_more_go_on_at_once_than_was_said(owner: User, stored_image: MakeImage) -> None:
    held_images(stored_image, owner, 3)
    assert [release_held(most=2), release_held(most=2), release_held(most=2)] == [2, 1, 0]


# What the Lambda is told ----------------------------------------------------------------------------------------------


def published() -> Any:
    with storages["derived"].open(KEY) as file:
        return json.loads(file.read())


def test_the_budgets_are_published_for_the_lambda_when_they_differ(owner: User, stranger: User, settings: Any) -> None:
    settings.RECOGNIZED_BY = "lambda"
    settings.MONTHLY_BUDGET_USD, settings.MONTHLY_BUDGET_PER_USER_USD = Decimal(50), None
    assert publish_budgets()
    expected = {"schema": "imagesift.budgets/1", "stack_usd": 50.0, "user_usd": None, "users": {}}
    assert published() == expected
    assert not publish_budgets()
    Budget.objects.create(owner=owner, monthly_usd=Decimal("2.50"))
    Budget.objects.create(owner=stranger, monthly_usd=None)
    Budget.objects.create(owner=None, monthly_usd=20)
    assert publish_budgets()
    users = {str(owner.pk): 2.5, str(stranger.pk): None}
    assert published() == {**expected, "stack_usd": 20.0, "users": users}


def test_a_laptop_publishes_nothing(owner: User) -> None:
    Budget.objects.create(owner=owner, monthly_usd=5)
    assert not publish_budgets()
    assert not storages["derived"].exists(KEY)
