"""Clients of the API, as programs are: with a token and without a session."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.api.models import Scope
from portal.api.tokens import make_token

ApiOf = Callable[..., Client]


def with_token(token: str) -> Client:
    return Client(headers={"authorization": f"Bearer {token}"})


@pytest.fixture
def api_of(db: None) -> ApiOf:
    """Make a client with a new token of somebody's; without scopes named, it may read and write images."""

    def make(user: User, *scopes: Scope, expires_at: datetime | None = None) -> Client:
        chosen = scopes or (Scope.IMAGES_READ, Scope.IMAGES_WRITE)
        return with_token(make_token(user, "test", chosen, expires_at)[1])

    return make


@pytest.fixture
def api(api_of: ApiOf, owner: User) -> Client:
    """A client with a token of the owner's."""
    return api_of(owner)


def problem(answer: Any) -> tuple[int, str]:
    """The status and code of an answer that must be a problem."""
    document = answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    assert document["status"] == answer.status_code
    return answer.status_code, document["code"]
