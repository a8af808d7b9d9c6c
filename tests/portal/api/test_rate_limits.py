"""So many requests of a token in a minute, counted on its own row."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from portal.accounts.models import User
from portal.api import throttling
from portal.api.models import ApiToken
from portal.api.tokens import make_token
from tests.portal.api.conftest import ApiOf, problem, with_token

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 1, 1, 12, 0, 18, tzinfo=UTC)


class Clock:
    now_is = NOON

    def now(self) -> datetime:
        return self.now_is


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(throttling, "timezone", clock)
    return clock


@pytest.fixture(autouse=True)
def three_a_minute(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = 3


def test_every_answer_tells_what_is_left(api: Client, clock: Clock) -> None:
    answers = [api.get("/api/v1/me") for _ in range(3)]
    assert [answer["RateLimit"] for answer in answers] == [f'"default";r={left};t=42' for left in (2, 1, 0)]
    assert {answer["RateLimit-Policy"] for answer in answers} == {'"default";q=3;w=60'}
    assert {answer.status_code for answer in answers} == {200}


def test_above_the_limit_one_is_told_how_long_to_wait(api: Client, clock: Clock) -> None:
    for _ in range(3):
        api.get("/api/v1/me")
    answer = api.get("/api/v1/me")
    assert problem(answer) == (429, "rate_limited")
    assert answer["Retry-After"] == "42"
    assert answer["RateLimit"] == '"default";r=0;t=42'
    assert ApiToken.objects.get().requests == 3


def test_the_next_minute_begins_anew(api: Client, clock: Clock) -> None:
    for _ in range(4):
        api.get("/api/v1/me")
    clock.now_is = NOON + timedelta(seconds=42)
    answer = api.get("/api/v1/me")
    assert (answer.status_code, answer["RateLimit"]) == (200, '"default";r=2;t=60')


def test_a_clock_that_is_late_does_not_open_the_full_minute_again(api: Client, clock: Clock) -> None:
    for _ in range(3):
        api.get("/api/v1/me")
    full = ApiToken.objects.get()
    clock.now_is = NOON - timedelta(seconds=20)
    assert problem(api.get("/api/v1/me")) == (429, "rate_limited")
    after = ApiToken.objects.get()
    assert (after.window, after.requests) == (full.window, 3)


def test_a_clock_that_is_late_counts_in_the_minute_that_has_begun(api: Client, clock: Clock) -> None:
    api.get("/api/v1/me")
    first = ApiToken.objects.get()
    clock.now_is = NOON - timedelta(seconds=20)
    assert api.get("/api/v1/me")["RateLimit"].startswith('"default";r=1;')
    after = ApiToken.objects.get()
    assert (after.window, after.requests) == (first.window, 2)


def test_what_fails_counts_and_tells_as_well(api: Client, clock: Clock) -> None:
    refused = api.get("/api/v1/stack")
    assert (refused.status_code, refused["RateLimit"]) == (403, '"default";r=2;t=42')
    wrong = api.get("/api/v1/me?nonsense=1")
    assert (wrong.status_code, wrong["RateLimit"]) == (400, '"default";r=1;t=42')
    assert api.post("/api/v1/me")["RateLimit"] == '"default";r=0;t=42'
    assert api.get("/api/v1/stack").status_code == 429


def test_each_token_has_its_own_limit(api_of: ApiOf, owner: User, clock: Clock) -> None:
    first, second = api_of(owner), api_of(owner)
    for _ in range(4):
        last = first.get("/api/v1/me")
    assert last.status_code == 429
    assert second.get("/api/v1/me")["RateLimit"] == '"default";r=2;t=42'


def test_whoever_has_no_token_is_told_nothing(client: Client) -> None:
    answer = client.get("/api/v1/me")
    assert "RateLimit" not in answer.headers
    assert "RateLimit" not in client.get("/").headers


def test_answers_to_a_token_are_kept_by_nobody(api: Client) -> None:
    assert api.get("/api/v1/me")["Cache-Control"] == "no-store"


@pytest.mark.django_db(transaction=True)
def test_requests_at_the_same_time_do_not_get_above_the_limit(owner: User, clock: Clock) -> None:
    _, text = make_token(owner, "test", ["images:read"])
    statuses: list[int] = []

    def ask() -> None:
        try:
            statuses.append(with_token(text).get("/api/v1/me").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 3 + [429] * 5


def test_the_clock_is_the_real_one(api: Client) -> None:
    found = re.fullmatch(r'"default";r=2;t=(\d+)', api.get("/api/v1/me")["RateLimit"])
    assert found is not None
    assert 1 <= int(found[1]) <= 60
