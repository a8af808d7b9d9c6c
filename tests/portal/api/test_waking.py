"""A database that is asleep, for programs: who has no token does not wake it up, and a problem says that it wakes."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.portal.api.conftest import problem, with_token
from tests.portal.test_waking import Sleeper, database

__all__ = ["database"]

TOKEN = "isft_" + "a" * 43


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/images", "/api/v1/images/batch"])
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer isft_short", "Basic YTpi", TOKEN])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_who_has_no_token_is_refused_while_it_sleeps_on(
    client: Client, database: Sleeper, path: str, header: str, method: str
) -> None:
    """Without the `db` fixture: a query would fail. A session's cookie is of no use here either."""
    database.fails = 99
    client.cookies["sessionid"] = "a" * 32
    answer = client.generic(method, path, headers={"authorization": header} if header else {})
    assert answer.status_code == 401
    assert database.asked == 0


@pytest.mark.parametrize("path", ["problems", "schema", "docs"])
def test_what_strangers_may_read_needs_no_database(client: Client, database: Sleeper, path: str) -> None:
    database.fails = 99
    assert client.get(f"/api/v1/{path}").status_code == 200
    assert database.asked == 0


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/"])
def test_addresses_that_do_not_exist_need_none(client: Client, database: Sleeper, path: str) -> None:
    database.fails = 99
    assert problem(client.get(path)) == (404, "not_found")
    assert database.asked == 0


def test_a_program_with_a_token_is_told_by_a_problem_that_it_wakes_up(database: Sleeper) -> None:
    database.fails = 99
    answer = with_token(TOKEN).get("/api/v1/me")
    assert problem(answer) == (503, "waking_up")
    assert answer["Retry-After"] == "5"
    assert answer.json()["type"] == "http://testserver/api/v1/problems#waking_up"
    assert database.asked == 1


def test_what_a_program_sends_is_held(database: Sleeper) -> None:
    database.fails = 9_999
    assert problem(with_token(TOKEN).post("/api/v1/images", {})) == (503, "waking_up")
    assert database.asked > 3
