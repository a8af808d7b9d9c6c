"""Asking for an image with `wait`: the answer is held until it is settled, at the cost of a thread alone."""

from __future__ import annotations

import time
from threading import Timer
from typing import Any

import httpx2
import pytest
from django.db import connection
from django.test import Client

from portal.accounts.models import User
from portal.api import waiting
from portal.api.models import Scope
from portal.api.tokens import make_token
from portal.images.models import Image
from portal.images.recording import record_result
from tests.conftest import MakeImage, make_result
from tests.portal.api.conftest import problem


def test_a_settled_image_is_not_waited_for(api: Client, owner: User, recognized_image: MakeImage) -> None:
    began = time.monotonic()
    api.get(f"/api/v1/images/{recognized_image(owner).pk}?wait=20")
    assert time.monotonic() - began < 2


def test_the_wait_is_over_after_the_seconds(api: Client, owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner)
    began = time.monotonic()
    assert api.get(f"/api/v1/images/{image.pk}?wait=1").json()["status"] == "queued"
    assert 0.9 < time.monotonic() - began < 3


@pytest.mark.django_db(transaction=True)
def test_the_answer_comes_as_soon_as_the_image_is_settled(
    live_server: Any, owner: User, stored_image: MakeImage
) -> None:
    image = stored_image(owner)
    token = make_token(owner, "test", [Scope.IMAGES_READ], None)[1]
    later = Timer(1, lambda: _settle(image))
    later.start()
    began = time.monotonic()
    address = f"{live_server.url}/api/v1/images/{image.pk}?wait=20"
    answer = httpx2.get(address, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert answer.json()["status"] == "recognized"
    assert 0.9 < time.monotonic() - began < 10
    later.join()


def _settle(image: Image) -> None:
    record_result(make_result(image))
    connection.close()


def test_an_image_that_is_deleted_while_somebody_waits_is_not_there(
    api: Client, owner: User, stored_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = stored_image(owner)
    monkeypatch.setattr(waiting.time, "sleep", lambda _seconds: Image.objects.all().delete())
    assert problem(api.get(f"/api/v1/images/{image.pk}?wait=20")) == (404, "not_found")


def test_when_many_wait_the_next_is_answered_at_once(api: Client, owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner)
    for _ in range(waiting.AT_ONCE):
        assert waiting._places.acquire(blocking=False)
    try:
        began = time.monotonic()
        assert api.get(f"/api/v1/images/{image.pk}?wait=10").json()["status"] == "queued"
        assert time.monotonic() - began < 2
    finally:
        waiting._places.release(waiting.AT_ONCE)


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_kept_while_one_waits(
    owner: User, stored_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = stored_image(owner)
    closed: list[bool] = []
    monkeypatch.setattr(connection, "close", lambda: closed.append(True))
    waiting.wait_until_settled(image.pk, 0.1)
    assert closed
