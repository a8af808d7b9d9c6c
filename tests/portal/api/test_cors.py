"""Pages of other sites at the API: only those of the configured origins, only below /api/, never with cookies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.api.tokens import make_token
from tests.portal.test_settings import manage

THEIRS = "https://app.example.com"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
}

pytestmark = pytest.mark.django_db


@pytest.fixture
def admitted(settings: Any) -> None:
    """What settings.py does where API_CORS_ORIGINS is set."""
    settings.CORS_ALLOWED_ORIGINS = [THEIRS]
    settings.MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *settings.MIDDLEWARE]


def test_a_page_of_a_configured_origin_may_ask_and_send(admitted: None, client: Client) -> None:
    answer = client.options("/api/v1/images", headers={"Origin": THEIRS, **PREFLIGHT})
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == THEIRS
    assert "POST" in answer["Access-Control-Allow-Methods"]
    assert set(answer["Access-Control-Allow-Headers"].split(", ")) == {
        "authorization",
        "content-type",
        "idempotency-key",
    }
    assert "Access-Control-Allow-Credentials" not in answer


def test_it_reads_answers_refusals_and_what_is_left_of_its_rate(admitted: None, client: Client, owner: User) -> None:
    _, token = make_token(owner, "a page", ["images:read"])
    answer = client.get("/api/v1/images", headers={"Origin": THEIRS, "Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == THEIRS
    assert {"RateLimit", "Retry-After"} <= set(answer["Access-Control-Expose-Headers"].split(", "))
    refused = client.get("/api/v1/images", headers={"Origin": THEIRS})
    assert (refused.status_code, refused["Access-Control-Allow-Origin"]) == (401, THEIRS)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://app.example.com", "https://app.example.com.evil", "null"]
)
def test_other_origins_are_told_nothing(admitted: None, client: Client, origin: str) -> None:
    answer = client.options("/api/v1/images", headers={"Origin": origin, **PREFLIGHT})
    assert "Access-Control-Allow-Origin" not in answer


def test_pages_of_the_portal_are_no_part_of_it(admitted: None, client: Client) -> None:
    answer = client.get("/accounts/login/", headers={"Origin": THEIRS})
    assert "Access-Control-Allow-Origin" not in answer


@pytest.mark.parametrize(("written", "first"), [({"API_CORS_ORIGINS": THEIRS}, "cors"), ({}, "security")])
def test_the_setting_puts_it_before_everything_else(tmp_path: Path, written: dict[str, str], first: str) -> None:
    done = manage(tmp_path, "diffsettings", "--all", **written)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "MIDDLEWARE = " in line]
    assert first in line.split(",")[0].lower()


def test_without_the_setting_there_is_none_of_it(client: Client) -> None:
    answer = client.options("/api/v1/images", headers={"Origin": THEIRS, **PREFLIGHT})
    assert not [name for name in answer.headers if name.startswith("Access-Control")]
