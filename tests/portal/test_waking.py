"""A database that is asleep: pages that come back, forms that are held, scripts that are told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse

from portal import waking
from portal.accounts.models import User
from tests.conftest import PASSWORD
from tests.portal.test_content_security import check, inline_parts

ASLEEP = OperationalError("connection timeout expired")


class Sleeper:
    """Stands in for Django's way to connect: fails until it has been asked so many times."""

    def __init__(self) -> None:
        self.fails = 0
        self.error = ASLEEP
        self.asked = 0

    def __call__(self) -> None:
        self.asked += 1
        if self.asked <= self.fails:
            raise self.error


@pytest.fixture
def database(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sleeper]:
    settings.DATABASE_HOST = "cluster.example"
    sleeper = Sleeper()
    monkeypatch.setattr(waking, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(waking, "HELD_SECONDS", 0.2)
    with monkeypatch.context() as patched:
        patched.setattr(connection, "ensure_connection", sleeper)
        yield sleeper


def test_a_page_says_so_and_comes_back_by_itself(client: Client, database: Sleeper) -> None:
    """Without the `db` fixture: a query would fail."""
    database.fails = 99
    answer = client.get("/history/?q=cat")
    page = answer.content.decode()
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert "no-store" in answer["Cache-Control"]
    assert '<meta http-equiv="refresh" content="5">' in page
    assert "ImageSift is waking up" in page
    assert 'href=""' in page, "the same address once more, whatever it is"
    assert database.asked == 1, "who only looks is answered at once"
    assert inline_parts(page) == []
    check(answer)


@pytest.mark.parametrize(
    "headers",
    [
        {"accept": "application/json"},
        {"sec-fetch-dest": "empty"},
        {"hx-request": "true"},
        {"content-type": "application/json"},
    ],
)
def test_a_script_is_told_in_json(client: Client, database: Sleeper, headers: dict[str, str]) -> None:
    database.fails = 99
    answer = client.get("/history/updates/", headers=headers)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json()["error"]["code"] == "waking_up"


def test_what_somebody_typed_is_held_until_the_database_is_awake(
    client: Client, owner: User, database: Sleeper
) -> None:
    database.fails = 3
    signed_in = client.post(reverse("account_login"), {"login": owner.username, "password": PASSWORD})
    assert (signed_in.status_code, signed_in["Location"]) == (302, reverse("images:history"))
    assert database.asked > 3


def test_a_form_that_cannot_be_held_any_longer_is_explained(client: Client, database: Sleeper) -> None:
    database.fails = 9_999
    answer = client.post(reverse("account_login"), {"login": "somebody", "password": "secret"})
    page = answer.content.decode()
    assert answer.status_code == 503
    assert "nothing has changed" in page
    # Coming back by itself would be without what was typed.
    assert "refresh" not in page


@pytest.mark.parametrize(
    "reason",
    [
        'FATAL:  PAM authentication failed for user "imagesift"',
        'FATAL:  database "imagesift" does not exist',
        "SSL error: certificate verify failed",
    ],
)
def test_a_database_that_refuses_for_good_is_a_fault_and_no_sleeper(
    client: Client, database: Sleeper, reason: str
) -> None:
    database.fails, database.error = 99, OperationalError(reason)
    client.raise_request_exception = False
    answer = client.post(reverse("account_login"), {})
    assert answer.status_code == 500
    assert database.asked == 1


@pytest.mark.parametrize("path", ["/", "/wp-login.php", "/robots.txt", "//elsewhere.example/", "/history"])
def test_who_only_tries_addresses_does_not_wake_it_up(client: Client, database: Sleeper, path: str) -> None:
    database.fails = 99
    assert client.get(path).status_code in (200, 301, 404)
    assert database.asked == 0


@pytest.mark.parametrize("path", ["/", "/wp-login.php"])
def test_somebody_signed_in_is_known_everywhere(client: Client, database: Sleeper, path: str) -> None:
    database.fails = 99
    client.cookies["sessionid"] = "a" * 32
    assert client.get(path).status_code == 503


def test_whoever_watches_the_portal_is_answered_meanwhile(client: Client, database: Sleeper) -> None:
    database.fails = 99
    assert client.get("/healthz").status_code == 200
    assert database.asked == 0


def test_a_laptop_connects_when_it_must(client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATABASE_HOST = ""
    monkeypatch.setattr(waking, "connect", lambda _within: pytest.fail("nobody asked for this"))
    assert client.get("/healthz").status_code == 200


def test_waiting_ends_as_soon_as_the_database_is_there(database: Sleeper) -> None:
    database.fails = 5
    waker = threading.Timer(0.05, lambda: setattr(database, "fails", 0))
    waker.start()
    waking.connect(10)
    waker.join()
    assert database.asked <= 7
