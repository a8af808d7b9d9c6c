"""`manage`: commands that are allowed, answers that tell how they went, passwords that nobody keeps."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.urls import reverse

from lambdas.manage import handler
from lambdas.manage.commands import COMMANDS, PASSWORD
from lambdas.manage.handler import CommandFailed, handle
from portal.accounts.models import User
from portal.api.tokens import find_token
from portal.images.models import Image, Status
from tests.conftest import MakeImage
from tests.lambdas.world import Context
from tests.portal.test_s3_storage import BUCKETS, keys, s3, s3_address

__all__ = ["s3", "s3_address"]

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "correct horse battery staple"


def run(command: str, *args: str, **more: Any) -> dict[str, Any]:
    return handle({"command": command, "args": list(args), "raise_errors": False, **more}, Context(900))


def test_migrating_makes_the_table_of_the_cache_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS cache")
    answer = run("migrate")
    assert answer["ok"], answer["error"]
    assert "migrations" in answer["output"]
    assert "cache" in connection.introspection.table_names()
    assert run("migrate")["ok"], "and once more"


def test_an_administrator_is_made_who_can_sign_in_at_once(client: Any, capsys: Any, settings: Any) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    args = ("--username", "root", "--email", "root@example.com")
    answer = run("createsuperuser", *args, environment={PASSWORD: SECRET})
    assert answer["ok"], answer["error"]
    assert User.objects.get(username="root").is_superuser
    assert EmailAddress.objects.get().verified
    signed_in = client.post(reverse("account_login"), {"login": "root", "password": SECRET})
    assert signed_in["Location"] == reverse("images:history")
    printed = capsys.readouterr()
    assert SECRET not in printed.out + printed.err + json.dumps(answer)
    assert PASSWORD not in os.environ


def test_an_administrator_without_a_password_is_not_made() -> None:
    answer = run("createsuperuser", "--username", "root", "--email", "root@example.com")
    assert not answer["ok"]
    assert "password" in answer["error"]
    assert not User.objects.exists()


def test_a_sweep_tells_what_it_did(s3: Any, settings: Any, owner: User, stored_image: MakeImage) -> None:
    settings.RECOGNIZED_BY = "lambda"
    stored_image(owner)
    Image.objects.update(status=Status.FAILED)
    answer = handle({"command": "sweep"}, Context(900))
    assert answer["ok"]
    assert "orphaned images: 0" in str(answer["output"])


def test_a_token_is_told_in_the_answer_and_to_no_log(
    owner: User, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    answer = run("create_token", owner.username, "--scope", "images:read")
    assert answer["ok"], answer["error"]
    token = answer["output"].strip()
    found = find_token(token)
    assert found is not None
    assert (found.owner, found.scopes) == (owner, ["images:read"])
    printed = capsys.readouterr()
    assert token not in printed.out + printed.err + caplog.text


def test_somebody_is_made_a_moderator(owner: User) -> None:
    answer = run("moderator", owner.username)
    assert answer["ok"], answer["error"]
    assert User.objects.get(pk=owner.pk).has_perm("moderation.review_images")


def test_a_dataset_that_does_not_exist_is_not_exported(db: None) -> None:
    assert run("export_dataset", "dogs", "--version", "3")["error"] == "There is no version 3 of “dogs”."


def test_a_history_is_replayed(s3: Any, owner: User) -> None:
    assert "Images would be restored: 0" in run("replay_results", "--dry-run")["output"]


@pytest.mark.parametrize("command", ["flush", "shell", "dbshell", "runserver", "", None, 5])
def test_what_is_not_allowed_is_not_run(command: Any) -> None:
    answer = run(command)
    assert not answer["ok"]
    assert "is not run here" in answer["error"]
    assert all(name in answer["error"] for name in COMMANDS)


@pytest.mark.parametrize(
    "payload",
    [{"args": "sweep"}, {"args": [1]}, {"environment": {"DATABASE_HOST": "elsewhere"}}, {"environment": "PATH"}],
)
def test_a_payload_of_another_shape_is_refused(payload: dict[str, Any]) -> None:
    answer = handle({"command": "check", "raise_errors": False, **payload}, Context(900))
    assert not answer["ok"]


def test_a_deployment_stops_when_its_migrations_fail() -> None:
    with pytest.raises(CommandFailed, match="unrecognized arguments"):
        handle({"command": "migrate", "args": ["--no-such-thing"]}, Context(900))


def test_a_deployment_waits_longer_for_its_database(monkeypatch: pytest.MonkeyPatch) -> None:
    patience: list[float] = []
    monkeypatch.setattr(handler, "connect", patience.append)
    for command in ("migrate", "check"):
        run(command)
    assert patience == [300.0, 60.0]


def test_an_unexpected_error_is_told_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setitem(COMMANDS, "check", fail)  # type: ignore[misc]
    assert run("check")["error"] == "RuntimeError: the disk is full"


def test_what_is_asked_for_in_the_outbox_is_packed_and_taken_out(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[tuple[str, float]] = []
    monkeypatch.setattr(handler, "build", lambda export_id, seconds: bool(built.append((export_id, seconds))) or True)
    s3.put_object(Bucket=BUCKETS["derived"], Key="outbox/exports/some-id.json", Body=b"{}")
    record = {
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "d"}, "object": {"key": "outbox%2Fexports%2Fsome-id.json"}},
    }
    answer = handle({"Records": [record]}, Context(900))
    assert answer["ok"]
    assert built == [("some-id", 840.0)]
    assert keys(s3, BUCKETS["derived"]) == []
