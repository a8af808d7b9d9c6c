"""What people and staff see of money, and what staff may change."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import Budget, Hold
from portal.images.spending import record_spend
from portal.templatetags.money import dollars
from tests.conftest import MakeImage
from tests.portal.test_holding import ONE, held_images, waiting
from tests.portal.test_spending import paid


@pytest.fixture(autouse=True)
def _paid(settings: Any) -> None:
    settings.DETECTORS = ("rekognition",)


# The administration ---------------------------------------------------------------------------------------------------


@pytest.fixture
def root(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("root", "root@example.com", "password"))
    return client


@pytest.mark.django_db(transaction=True)
def test_raising_a_budget_in_the_administration_lets_images_go_on_at_once(
    root: Client, owner: User, stored_image: MakeImage, settings: Any
) -> None:
    settings.MONTHLY_BUDGET_PER_USER_USD = Decimal(0)
    images = held_images(stored_image, owner, 1)
    answer = root.post(reverse("admin:images_budget_add"), {"owner": owner.pk, "monthly_usd": "5.00"})
    assert answer.status_code == 302
    assert waiting(images) == [Hold.NONE]
    budget = Budget.objects.get()
    root.post(reverse("admin:images_budget_change", args=[budget.pk]), {"monthly_usd": "7"})
    assert Budget.objects.get().monthly_usd == 7
    history = root.get(reverse("admin:images_budget_history", args=[budget.pk])).content.decode()
    assert "Changed US dollars a month" in history


@pytest.mark.parametrize("amount", ["-1", "a lot", "1.234"])
def test_an_amount_that_is_none_is_refused(root: Client, amount: str) -> None:
    page = root.post(reverse("admin:images_budget_add"), {"owner": "", "monthly_usd": amount})
    assert page.status_code == 200
    assert not Budget.objects.exists()


def test_a_second_budget_for_everybody_is_refused_with_a_sentence(root: Client) -> None:
    Budget.objects.create(monthly_usd=5)
    page = root.post(reverse("admin:images_budget_add"), {"owner": "", "monthly_usd": "6"})
    assert "There is a budget for this already." in page.content.decode()


def test_the_first_page_shows_what_was_spent_and_by_whom(root: Client, owner: User, stored_image: MakeImage) -> None:
    record_spend(owner.pk, 1_234_567, timezone.now())
    Budget.objects.create(monthly_usd=50)
    held_images(stored_image, owner, 2)
    money = root.get("/admin/").context["money"]
    assert (money.purse.spent, money.purse.limit, money.held.count) == (1_234_567, 50_000_000, 2)
    body = root.get("/admin/").content.decode()
    assert "$1.23 of $50.00" in body
    assert [spender.owner for spender in money.spenders] == [owner]
    for address in ("admin:images_budget_changelist", "admin:images_monthlyspend_changelist"):
        assert root.get(reverse(address)).status_code == 200


# What people see ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "limit", "sentence"),
    [
        (Hold.USER_BUDGET, "5", "Your monthly budget of $5.00 is used up: this photo will be recognised when it is"),
        (Hold.USER_BUDGET, "0", "Your monthly budget of $0.00 is too small: this photo will be recognised when it is"),
        (Hold.USER_BUDGET, None, "There is a budget for this photo again: it will be recognised soon."),
        (Hold.STACK_BUDGET, "5", "The portal’s budget for this month is used up: this photo will be recognised when"),
    ],
)
def test_a_held_photo_says_everywhere_why_it_waits(
    client: Client, owner: User, stored_image: MakeImage, reason: Hold, limit: str | None, sentence: str
) -> None:
    Budget.objects.create(owner=owner, monthly_usd=limit and Decimal(limit))
    (image,) = held_images(stored_image, owner, 1, reason)
    client.force_login(owner)
    assert sentence in client.get(image.get_absolute_url()).content.decode()
    assert sentence in client.get(reverse("images:history")).content.decode()
    state = client.get(reverse("images:updates"), {"ids": str(image.pk), "format": "json"}).json()["images"][0]
    assert sentence in state["waiting"]
    assert state["held"] is True


def test_the_sentence_names_the_day_on_which_the_month_turns(
    client: Client, owner: User, stored_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.images.waiting.this_month", lambda: date(2026, 11, 1))
    Budget.objects.create(owner=owner, monthly_usd=5)
    (image,) = held_images(stored_image, owner, 1)
    client.force_login(owner)
    assert "when it is raised or on 1 December." in client.get(image.get_absolute_url()).content.decode()


def test_the_usage_page_shows_the_months_money(client: Client, owner: User, stored_image: MakeImage) -> None:
    Budget.objects.create(owner=owner, monthly_usd=5)
    record_spend(owner.pk, 3 * ONE, timezone.now())
    held_images(stored_image, owner, 1)
    client.force_login(owner)
    body = " ".join(client.get(reverse("images:usage")).content.decode().split())
    assert "<strong>$0.01125</strong> of $5.00 spent on 1 recognition, $4.98 left." in body
    assert "1 photo waits for money. It will be recognised" in body
    assert "<td>$0.00375</td><td>$3.75</td>" in body
    assert "Prices as of 22 November 2026." in body
    held_images(stored_image, owner, 1)
    assert "2 photos wait for money. They will" in client.get(reverse("images:usage")).content.decode()


def test_where_nothing_costs_anything_the_usage_page_says_nothing_of_money(
    client: Client, owner: User, settings: Any
) -> None:
    settings.DETECTORS = ("onnx",)
    client.force_login(owner)
    assert 'id="money"' not in client.get(reverse("images:usage")).content.decode()


@pytest.mark.parametrize(
    ("micro_usd", "written"),
    [
        (0, "$0.00"),
        (3750, "$0.00375"),
        (500_000, "$0.50"),
        (1_000_000, "$1.00"),
        (1_234_567_891, "$1,234.56"),
        (4_998_750, "$4.99"),
    ],
)
def test_amounts_below_a_dollar_are_exact(micro_usd: int, written: str) -> None:
    assert dollars(micro_usd) == written


def test_what_a_recognition_cost_stands_beside_it(
    client: Client, owner: User, recognized_image: MakeImage, settings: Any
) -> None:
    image = recognized_image(owner, detectors=paid(3750))
    client.force_login(owner)
    assert "$0.00375" in client.get(image.get_absolute_url()).content.decode()
    client.force_login(User.objects.create_superuser("root", "root@example.com", "password"))
    for address in ("images_recognition_changelist", "images_image_change"):
        arguments = [image.pk] if address.endswith("change") else []
        assert "$0.00375" in client.get(reverse(f"admin:{address}", args=arguments)).content.decode()
