"""What follows a commit is done even when what comes before it fails."""

from __future__ import annotations

import logging

import pytest
from django.db import transaction

from portal.committing import on_commit_robustly


@pytest.mark.django_db(transaction=True)
def test_what_fails_after_a_commit_is_logged_and_leaves_out_nothing(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    def fail(what: str) -> None:
        raise OSError(what)

    with caplog.at_level(logging.ERROR), transaction.atomic():
        on_commit_robustly(fail, "the disk is full")
        on_commit_robustly(done.append, "what follows")
    assert done == ["what follows"]
    assert "fail" in caplog.text
    assert "the disk is full" in caplog.text
