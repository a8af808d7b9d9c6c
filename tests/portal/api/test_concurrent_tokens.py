"""Many tokens made at the same moment: the limit holds to the last one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from portal.accounts.models import User
from portal.api import tokens
from portal.api.models import ApiToken


@pytest.mark.django_db(transaction=True)
def test_made_at_once_there_are_no_more_than_the_limit(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_LIVE", 3)

    def make(number: int) -> bool:
        try:
            tokens.make_token(owner, f"token {number}", ["images:read"])
        except tokens.TokenRefused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(make, range(24)))
    assert sum(made) == ApiToken.objects.count() == 3
