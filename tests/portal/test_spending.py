"""Money: what a recognition costs is counted once, and past a budget nothing more is paid."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from portal.accounts.leaving import delete_account
from portal.accounts.models import User
from portal.images import spending
from portal.images.deletion import delete_images
from portal.images.models import Budget, Hold, Image, MonthlySpend, Status
from portal.images.recording import record_result
from portal.images.spending import cost_of_one, held_by, next_month, prices, purse, record_spend, reserve, spent
from recognition.prices import PriceTable
from recognition.result import DetectorRun
from tests.conftest import MakeImage, make_result

NOVEMBER = date(2026, 11, 1)


def paid(micro_usd: int) -> tuple[DetectorRun, ...]:
    return (DetectorRun("rekognition", "3.0", 12, fingerprint="f" * 16, cost_micro_usd=micro_usd),)


def spend(owner: User, micro_usd: int) -> None:
    with transaction.atomic():
        record_spend(owner.pk, micro_usd, timezone.now())


def allow(owner: User | None, usd: str | None) -> Budget:
    budget, _ = Budget.objects.update_or_create(owner=owner, defaults={"monthly_usd": usd and Decimal(usd)})
    return budget


def being_recognized(image: Image) -> Image:
    image.take("worker", timezone.now() + timedelta(minutes=1))
    return image


# Counting -------------------------------------------------------------------------------------------------------------


def test_a_recognition_records_what_it_cost(owner: User, stored_image: MakeImage) -> None:
    recognition = record_result(make_result(stored_image(owner), detectors=paid(3750)))
    assert recognition is not None
    assert recognition.cost_micro_usd == 3750
    month = spending.this_month()
    assert (spent(owner, month), spent(None, month)) == (3750, 3750)


def test_a_result_that_comes_three_times_is_paid_once(owner: User, stored_image: MakeImage) -> None:
    result = make_result(stored_image(owner), detectors=paid(1000))
    for _ in range(3):
        record_result(result)
    assert spent(owner, spending.this_month()) == 1000
    assert MonthlySpend.objects.get(owner=owner).recognitions == 1


def test_what_costs_nothing_leaves_no_row(owner: User, recognized_image: MakeImage) -> None:
    recognized_image(owner)
    assert not MonthlySpend.objects.exists()


def test_a_result_counts_in_the_month_in_which_it_was_made(owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner)
    last = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    record_result(make_result(image, detectors=paid(1000), recognized_at=last))
    record_result(make_result(image, detectors=paid(500), recognized_at=last + timedelta(seconds=1)))
    assert (spent(owner, NOVEMBER), spent(owner, date(2026, 12, 1))) == (1000, 500)


def test_deleting_images_gives_no_money_back(owner: User, stored_image: MakeImage) -> None:
    record_result(make_result(stored_image(owner), detectors=paid(1000)))
    delete_images(owner.images.all())
    assert spent(owner, spending.this_month()) == 1000


def test_an_account_that_is_deleted_takes_nothing_from_what_all_spent(
    owner: User, stranger: User, stored_image: MakeImage
) -> None:
    record_result(make_result(stored_image(owner), detectors=paid(1000)))
    record_result(make_result(stored_image(stranger), detectors=paid(500)))
    delete_account(owner)
    assert spent(None, spending.this_month()) == 1500
    assert list(MonthlySpend.objects.exclude(owner=None).values_list("owner_id", flat=True)) == [stranger.pk]


@pytest.mark.django_db(transaction=True)
def test_nothing_is_lost_when_many_record_at_once(owner: User, stranger: User) -> None:
    def record(number: int) -> None:
        try:
            spend(owner if number % 2 else stranger, 100)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(record, range(40)))
    month = spending.this_month()
    assert (spent(owner, month), spent(stranger, month), spent(None, month)) == (2000, 2000, 4000)


# Budgets --------------------------------------------------------------------------------------------------------------


def test_without_a_budget_there_is_no_limit(owner: User) -> None:
    spend(owner, 10**12)
    assert held_by(owner, 1000) == Hold.NONE
    assert purse(owner).left is None


def test_a_budgets_row_beats_the_setting(owner: User, stranger: User, settings: Any) -> None:
    settings.MONTHLY_BUDGET_PER_USER_USD = Decimal("0.002")
    for somebody in (owner, stranger):
        spend(somebody, 2000)
    assert held_by(owner, 1) == Hold.USER_BUDGET
    allow(owner, None)
    assert held_by(owner, 1) == Hold.NONE
    assert held_by(stranger, 1) == Hold.USER_BUDGET


def test_the_budget_of_all_holds_everybody(owner: User, stranger: User, settings: Any) -> None:
    settings.MONTHLY_BUDGET_USD = Decimal("0.01")
    spend(stranger, 9000)
    assert held_by(owner, 1000) == Hold.NONE
    assert held_by(owner, 1001) == Hold.STACK_BUDGET
    allow(None, "1")
    assert held_by(owner, 1001) == Hold.NONE


def test_last_months_spend_does_not_count(owner: User, settings: Any) -> None:
    settings.MONTHLY_BUDGET_PER_USER_USD = Decimal("0.001")
    record_spend(owner.pk, 1000, timezone.now().replace(day=1) - timedelta(days=1))
    assert held_by(owner, 1000) == Hold.NONE


def test_what_is_free_is_never_held(owner: User, settings: Any) -> None:
    settings.MONTHLY_BUDGET_PER_USER_USD = Decimal(0)
    assert held_by(owner, 0) == Hold.NONE


def test_a_budget_is_there_once_for_everybody_and_never_negative(owner: User) -> None:
    allow(None, "5")
    for wrong in (Budget(owner=None, monthly_usd=1), Budget(owner=owner, monthly_usd=-1)):
        with pytest.raises(IntegrityError), transaction.atomic():
            wrong.save()


def test_what_attempts_under_way_may_cost_is_promised_until_they_end(
    owner: User, stored_image: MakeImage, settings: Any
) -> None:
    settings.MONTHLY_BUDGET_PER_USER_USD = Decimal("0.0015")
    first, second = (being_recognized(stored_image(owner, name=name)) for name in ("1.jpg", "2.jpg"))
    assert first.claim
    assert second.claim
    assert reserve(first, first.claim, 1000)
    assert not reserve(second, second.claim, 1000)
    second.refresh_from_db()
    assert (second.status, second.hold, second.attempts, second.claim) == (Status.QUEUED, Hold.USER_BUDGET, 0, None)
    first.put_back(first.claim, timedelta())
    assert held_by(owner, 1000) == Hold.NONE


@pytest.mark.django_db(transaction=True)
def test_a_budget_holds_exactly_though_many_reserve_at_once(
    owner: User, stored_image: MakeImage, settings: Any
) -> None:
    settings.MONTHLY_BUDGET_PER_USER_USD = Decimal("0.005")
    images = [being_recognized(stored_image(owner, name=f"{number}.jpg")) for number in range(16)]

    def attempt(image: Image) -> bool:
        try:
            if not image.claim or not reserve(image, image.claim, 1000):
                return False
            return record_result(make_result(image, detectors=paid(1000))) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, images))
    assert sum(outcomes) == 5
    assert spent(owner, spending.this_month()) == 5000
    assert Image.objects.filter(status=Status.QUEUED, hold=Hold.USER_BUDGET).count() == 11


def test_a_held_image_is_taken_by_nobody(owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner)
    Image.objects.filter(pk=image.pk).update(hold=Hold.USER_BUDGET)
    assert image.take("worker", timezone.now() + timedelta(minutes=1)) is None


# Prices ---------------------------------------------------------------------------------------------------------------


def test_a_photo_costs_what_is_switched_on(settings: Any) -> None:
    settings.DETECTORS = ("rekognition", "sagemaker", "faces")
    settings.REKOGNITION_FEATURES = ("labels", "properties")
    assert [(price.title, price.micro_usd) for price in prices()] == [
        ("Labels and boxes", 1000),
        ("Colours and sharpness", 750),
    ]
    assert cost_of_one() == 1750
    table: PriceTable = settings.RECOGNITION_PRICES
    settings.RECOGNITION_PRICES = replace(table, micro_usd={**table.micro_usd, "sagemaker": 20})
    assert cost_of_one() == 1770


def test_detectors_of_our_own_cost_nothing(settings: Any) -> None:
    settings.DETECTORS = ("onnx", "faces", "text", "properties")
    assert prices() == []


@pytest.mark.parametrize(("month", "following"), [((2026, 11), (2026, 12)), ((2026, 12), (2027, 1))])
def test_the_month_after_december_is_january(month: tuple[int, int], following: tuple[int, int]) -> None:
    assert next_month(date(*month, 1)) == date(*following, 1)
