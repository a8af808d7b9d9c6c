"""Making tokens, on the page and by command; the list; revoking. The token itself is nowhere afterwards."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import serializers
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.api.models import ApiToken, Scope, State
from portal.api.tokens import MOST_LIVE, TokenRefused, live_tokens, make_token, revoke
from tests.conftest import PASSWORD
from tests.portal.api.conftest import problem, with_token
from tests.portal.test_content_security import check, inline_parts

pytestmark = pytest.mark.django_db

LIST, NEW = "/account/tokens/", "/account/tokens/new/"
TOKEN = re.compile(r"isft_[A-Za-z0-9_-]{43}")
READ = [Scope.IMAGES_READ.value]


@pytest.fixture
def signed_in(client: Client, owner: User) -> Client:
    """The owner's browser, in which they have just given their password."""
    client.force_login(owner)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return client


def form(**changes: object) -> dict[str, object]:
    return {"name": "laptop", "scopes": READ, "expires": "365", **changes}


def expires_in(token: ApiToken) -> timedelta:
    assert token.expires_at is not None
    return token.expires_at - timezone.now()


# Making ---------------------------------------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_kept_nowhere(signed_in: Client, owner: User) -> None:
    answer = signed_in.post(NEW, form())
    page = answer.content.decode()
    shown = set(TOKEN.findall(page))
    assert len(shown) == 1
    text = shown.pop()
    assert "no-store" in answer["Cache-Control"]
    assert inline_parts(page) == []
    check(answer)
    row = ApiToken.objects.get()
    assert text not in serializers.serialize("json", [row])
    assert (row.owner, row.name, row.scopes, row.hint) == (owner, "laptop", READ, text[-4:])
    assert timedelta(days=364) < expires_in(row) <= timedelta(days=365)
    assert text not in signed_in.get(LIST).content.decode()
    assert with_token(text).get("/api/v1/me").json()["username"] == "owner"


@pytest.mark.parametrize("days", [30, 90, 365])
def test_a_token_lasts_as_long_as_was_chosen(signed_in: Client, days: int) -> None:
    signed_in.post(NEW, form(expires=str(days)))
    assert timedelta(days=days, minutes=-1) < expires_in(ApiToken.objects.get()) <= timedelta(days=days)


def test_a_token_may_last_until_a_day_is_over_or_for_ever(signed_in: Client) -> None:
    signed_in.post(NEW, form(expires="custom", last_day="2099-12-31"))
    signed_in.post(NEW, form(expires="never"))
    ends = list(ApiToken.objects.order_by("pk").values_list("expires_at", flat=True))
    assert ends == [datetime(2100, 1, 1, tzinfo=UTC), None]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "two\u2028lines"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"scopes": ["admin"]}, "scopes"),
        ({"expires": "1"}, "expires"),
        ({"expires": "custom"}, "last_day"),
        ({"expires": "custom", "last_day": "yesterday"}, "last_day"),
        ({"expires": "custom", "last_day": "2020-01-01"}, "last_day"),
        ({"expires": "custom", "last_day": "9999-12-31"}, "last_day"),
    ],
)
def test_a_mistake_is_named_beside_its_field(signed_in: Client, changes: dict[str, object], field: str) -> None:
    answer = signed_in.post(NEW, form(**changes))
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    target = "id_scopes_0" if field == "scopes" else f"id_{field}"
    page = answer.content.decode()
    assert f'href="#{target}"' in page
    assert f'id="{target}"' in page
    assert not ApiToken.objects.exists()


def test_only_staff_are_offered_to_see_the_whole_portal(signed_in: Client, owner: User) -> None:
    assert 'value="admin"' not in signed_in.get(NEW).content.decode()
    owner.is_staff = True
    owner.save()
    assert 'value="admin"' in signed_in.get(NEW).content.decode()
    signed_in.post(NEW, form(scopes=["admin"]))
    assert ApiToken.objects.get().scopes == ["admin"]


def test_whoever_gave_their_password_long_ago_is_asked_for_it_first(signed_in: Client, settings: Any) -> None:
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    for answer in (signed_in.get(NEW), signed_in.post(NEW, form())):
        assert answer["Location"].startswith(reverse("account_reauthenticate"))
    assert not ApiToken.objects.exists()


def test_there_are_only_so_many_live_tokens(signed_in: Client, owner: User) -> None:
    for _ in range(MOST_LIVE):
        token, _text = make_token(owner, "one of many", READ)
    with pytest.raises(TokenRefused, match="50 live tokens"):
        make_token(owner, "too many", READ)
    assert "all that an account can have" in signed_in.get(NEW).content.decode()
    assert signed_in.post(NEW, form()).status_code == 200
    assert ApiToken.objects.count() == MOST_LIVE
    revoke(token)
    make_token(owner, "in its place", READ)
    assert live_tokens(owner).count() == MOST_LIVE


# The list and revoking ------------------------------------------------------------------------------------------------


def test_the_list_tells_what_each_token_is(signed_in: Client, owner: User) -> None:
    assert "You have no tokens yet." in signed_in.get(LIST).content.decode()
    _, text = make_token(owner, "nightly upload", Scope.values[:2])
    over, _ = make_token(owner, "over", READ, timezone.now() + timedelta(days=1))
    ApiToken.objects.filter(pk=over.pk).update(expires_at=timezone.now())
    with_token(text).get("/api/v1/me")
    answer = signed_in.get(LIST)
    page = answer.content.decode()
    assert [token.name for token in answer.context["tokens"]] == ["nightly upload", "over"], "those that work first"
    for expected in ("images:read", "images:write", f"…{text[-4:]}", "Expired", "Live", "now", "Never"):
        assert expected in page
    assert page.count("Not yet") == 1
    assert ApiToken.objects.first().digest not in page  # type: ignore[union-attr]
    assert inline_parts(page) == []


def test_revoking_is_asked_first_and_works_at_once(signed_in: Client, owner: User) -> None:
    token, text = make_token(owner, "lost", READ)
    address = f"{LIST}{token.pk}/revoke/"
    assert "cannot be undone" in signed_in.get(address).content.decode()
    assert with_token(text).get("/api/v1/me").status_code == 200
    answer = signed_in.post(address, follow=True)
    assert "is revoked" in answer.content.decode()
    assert problem(with_token(text).get("/api/v1/me")) == (401, "token_revoked")
    first = ApiToken.objects.get().revoked_at
    signed_in.post(address)
    assert ApiToken.objects.get().revoked_at == first


def test_somebody_elses_token_is_not_there(signed_in: Client, stranger: User) -> None:
    token, text = make_token(stranger, "a secret plan", READ)
    for answer in (signed_in.get(f"{LIST}{token.pk}/revoke/"), signed_in.post(f"{LIST}{token.pk}/revoke/")):
        assert answer.status_code == 404
    assert "a secret plan" not in signed_in.get(LIST).content.decode()
    assert with_token(text).get("/api/v1/me").status_code == 200


@pytest.mark.parametrize("path", [LIST, NEW, f"{LIST}1/revoke/"])
def test_the_pages_are_for_people_signed_in(client: Client, path: str) -> None:
    assert client.get(path)["Location"].startswith(reverse("account_login"))


def test_the_account_page_leads_here(signed_in: Client) -> None:
    assert f'href="{LIST}"' in signed_in.get("/account/").content.decode()


def test_a_token_says_itself_in_what_state_it_is(owner: User) -> None:
    now = timezone.now()
    states = [
        ApiToken(owner=owner).state,
        ApiToken(owner=owner, expires_at=now).state,
        ApiToken(owner=owner, expires_at=now, revoked_at=now).state,
    ]
    assert states == [State.LIVE, State.EXPIRED, State.REVOKED]


# Administration -------------------------------------------------------------------------------------------------------


def admins_client(*codenames: str) -> Client:
    admin = User.objects.create_user("staff", "staff@example.com", PASSWORD, is_staff=True)
    admin.user_permissions.set(Permission.objects.filter(codename__in=codenames, content_type__app_label="api"))
    client = Client()
    client.force_login(admin)
    return client


def test_administrators_see_and_revoke_tokens_and_never_a_digest(owner: User) -> None:
    token, text = make_token(owner, "laptop", READ)
    client = admins_client("view_apitoken", "change_apitoken")
    address = "/admin/api/apitoken/"
    for page in (client.get(address), client.get(f"{address}{token.pk}/change/")):
        assert page.status_code == 200
        assert token.hint in page.content.decode()
        assert token.digest not in page.content.decode()
    client.post(address, {"action": "revoke_tokens", "_selected_action": [token.pk]})
    assert problem(with_token(text).get("/api/v1/me")) == (401, "token_revoked")


def test_who_may_only_look_at_tokens_revokes_none(owner: User) -> None:
    token, text = make_token(owner, "laptop", READ)
    client = admins_client("view_apitoken")
    client.post("/admin/api/apitoken/", {"action": "revoke_tokens", "_selected_action": [token.pk]})
    assert with_token(text).get("/api/v1/me").status_code == 200


# By command -----------------------------------------------------------------------------------------------------------


def create_token(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("create_token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_command_prints_the_token_alone(owner: User) -> None:
    out, err = create_token("owner")
    assert TOKEN.fullmatch(out.removesuffix("\n"))
    assert not TOKEN.search(err)
    assert "images:read, images:write" in err
    row = ApiToken.objects.get()
    assert (row.owner, row.scopes) == (owner, ["images:read", "images:write"])
    assert timedelta(days=364) < expires_in(row) <= timedelta(days=365)
    assert with_token(out.strip()).get("/api/v1/me").status_code == 200


def test_the_command_makes_the_token_that_was_asked_for(owner: User) -> None:
    owner.is_staff = True
    owner.save()
    create_token("owner", "--name", "cron", "--scope", "admin", "--scope", "images:read", "--expires", "2099-12-31")
    row = ApiToken.objects.get()
    assert (row.name, row.scopes) == ("cron", ["images:read", "admin"])
    assert row.expires_at == datetime(2100, 1, 1, tzinfo=UTC)
    create_token("owner", "--expires", "never")
    assert ApiToken.objects.first().expires_at is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nobody"], "nobody called nobody"),
        (["owner", "--scope", "everything"], "no scope everything"),
        (["owner", "--scope", "admin"], "Only staff"),
        (["owner", "--name", ""], "needs a name"),
        (["owner", "--expires", "soon"], "not soon"),
        (["owner", "--expires", "0d"], "in the future"),
        (["owner", "--expires", "9999999d"], "not 9999999d"),
        (["owner", "--expires", "2020-01-01"], "in the future"),
        (["owner", "--expires", "9999-12-31"], "not 9999-12-31"),
    ],
)
def test_the_command_says_what_is_wrong(owner: User, arguments: list[str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        create_token(*arguments)
    assert not ApiToken.objects.exists()


# Logs -----------------------------------------------------------------------------------------------------------------


def test_no_token_and_no_digest_gets_into_the_log(signed_in: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    found = TOKEN.search(signed_in.post(NEW, form()).content.decode())
    assert found is not None
    for path in ("/api/v1/me", "/api/v1/stack", "/api/v1/nothing"):
        with_token(found[0]).get(path)
    assert found[0] not in caplog.text
    assert ApiToken.objects.get().digest not in caplog.text
