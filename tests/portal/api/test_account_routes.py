"""What a token tells of its owner, and of the whole portal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.api.models import Scope
from portal.images.models import Budget, Hold, Image, Status
from portal.images.spending import next_month, record_spend, this_month
from recognition.result import Label
from tests.conftest import MakeImage
from tests.portal.api.conftest import ApiOf, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(owner: User, api_of: ApiOf) -> Client:
    owner.is_staff = True
    owner.save()
    return api_of(owner, Scope.ADMIN)


def test_a_token_tells_whose_it_is_and_what_it_may(owner: User, api_of: ApiOf) -> None:
    ends = datetime(2099, 1, 1, tzinfo=UTC)
    assert api_of(owner, Scope.LABELS_WRITE, Scope.IMAGES_READ, expires_at=ends).get("/api/v1/me").json() == {
        "username": "owner",
        "email": "owner@example.com",
        "is_staff": False,
        "token": {"name": "test", "scopes": ["images:read", "labels:write"], "expires_at": "2099-01-01T00:00:00Z"},
    }


def test_usage_counts_the_owners_images_alone(
    api: Client, owner: User, stranger: User, stored_image: MakeImage, settings: Any
) -> None:
    settings.IMAGES_PER_DAY, settings.BYTES_PER_USER = 7, 1_000
    stored_image(owner, b"12345")
    stored_image(owner, b"123", status=Status.FAILED)
    stored_image(stranger, b"1")
    usage = api.get("/api/v1/usage").json()
    midnight = datetime.combine(timezone.now().date() + timedelta(days=1), datetime.min.time(), tzinfo=UTC)
    renews_at = midnight.isoformat().replace("+00:00", "Z")
    assert usage == {
        "images": {"today": 0, "per_day": 7, "renews_at": renews_at},
        "bytes": {"stored": 8, "limit": 1_000},
        "statuses": {"queued": 1, "failed": 1},
        "money": None,
    }


def test_usage_tells_the_months_money(api: Client, owner: User, stored_image: MakeImage) -> None:
    record_spend(owner.pk, 1_250_000, timezone.now())
    Budget.objects.create(owner=owner, monthly_usd=Decimal("2.50"))
    image = stored_image(owner)
    Image.objects.filter(pk=image.pk).update(hold=Hold.USER_BUDGET)
    assert api.get("/api/v1/usage").json()["money"] == {
        "month": this_month().isoformat(),
        "renews_on": next_month(this_month()).isoformat(),
        "spent_usd": 1.25,
        "budget_usd": 2.5,
        "waiting_for_money": 1,
    }


def test_labels_are_counted_from_a_confidence_on(
    api: Client, owner: User, stranger: User, recognized_image: MakeImage, settings: Any
) -> None:
    settings.SHOWN_CONFIDENCE = 50
    sure, unsure = Label("Dog", 90.0, "onnx"), Label("Cat", 40.0, "onnx")
    recognized_image(owner, "a.jpg", labels=(sure, unsure))
    recognized_image(owner, "b.jpg", labels=(sure,))
    recognized_image(stranger, "c.jpg", labels=(Label("Secret", 99.0, "onnx"),))
    assert api.get("/api/v1/labels").json() == {"results": [{"name": "Dog", "images": 2}]}
    everything = api.get("/api/v1/labels?min_confidence=0").json()["results"]
    assert everything == [{"name": "Dog", "images": 2}, {"name": "Cat", "images": 1}]


def test_a_parameter_that_is_wrong_is_named(api: Client) -> None:
    for query, field in (("min_confidence=much", "min_confidence"), ("confidence=5", "confidence")):
        answer = api.get(f"/api/v1/labels?{query}")
        assert problem(answer) == (400, "invalid_request")
        assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("path", ["me", "usage", "stack"])
def test_parameters_that_do_not_exist_are_refused(owner: User, api_of: ApiOf, path: str) -> None:
    owner.is_staff = True
    owner.save()
    answer = api_of(owner, *Scope).get(f"/api/v1/{path}?nonsense=1")
    assert problem(answer) == (400, "invalid_request")


def test_staff_see_how_the_whole_portal_is_doing(
    admin: Client, owner: User, stranger: User, stored_image: MakeImage
) -> None:
    record_spend(stranger.pk, 3_000_000, timezone.now())
    record_spend(owner.pk, 500_000, timezone.now())
    Budget.objects.create(owner=None, monthly_usd=Decimal(10))
    stored_image(owner, b"1")
    held = stored_image(stranger, b"2")
    stored_image(stranger, b"3", status=Status.RECOGNIZED)
    Image.objects.filter(pk=held.pk).update(hold=Hold.STACK_BUDGET)
    assert admin.get("/api/v1/stack").json() == {
        "money": {
            "month": this_month().isoformat(),
            "renews_on": next_month(this_month()).isoformat(),
            "spent_usd": 3.5,
            "budget_usd": 10.0,
            "waiting_for_money": 1,
        },
        "statuses": {"queued": 2, "recognized": 1},
        "waiting": 2,
    }


def test_a_portal_without_a_budget_says_so(admin: Client) -> None:
    money = admin.get("/api/v1/stack").json()["money"]
    assert (money["spent_usd"], money["budget_usd"]) == (0, None)
