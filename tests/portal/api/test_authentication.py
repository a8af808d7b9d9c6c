"""Who is let in: nobody without a token that is good now, for anything it has no scope for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.api.models import ApiToken, Scope
from portal.api.tokens import PREFIX, make_token, revoke
from tests.portal.api.conftest import ApiOf, problem, with_token

pytestmark = pytest.mark.django_db

ROUTES = ["/api/v1/me", "/api/v1/usage", "/api/v1/labels", "/api/v1/stack"]
# Which route needs which scope; `me` is for every token.
SCOPED = {"/api/v1/usage": Scope.IMAGES_READ, "/api/v1/labels": Scope.IMAGES_READ, "/api/v1/stack": Scope.ADMIN}


@pytest.mark.parametrize("path", ROUTES)
def test_nobody_is_let_in_without_a_token(client: Client, path: str) -> None:
    answer = client.get(path)
    assert problem(answer) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_session_is_no_token(client: Client, owner: User) -> None:
    client.force_login(owner)
    assert problem(client.get("/api/v1/me")) == (401, "not_authenticated")


@pytest.mark.parametrize("header", ["Basic b3duZXI6c2VjcmV0", "Bearer", "isft_" + "a" * 43, "Token isft_" + "a" * 43])
def test_another_scheme_is_no_token(client: Client, header: str) -> None:
    answer = client.get("/api/v1/me", headers={"authorization": header})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "token",
    ["", "x", PREFIX, PREFIX + "a" * 42, PREFIX + "a" * 44, PREFIX + "ä" * 43, PREFIX + "a" * 42 + "\n", "a" * 100_000],
)
def test_what_can_be_no_token_is_refused_without_the_database(token: str, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = with_token(token).get("/api/v1/me")
    assert problem(answer) == (401, "invalid_token")
    assert answer["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_an_unknown_token_is_looked_up_and_nothing_is_written(owner: User, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1) as queries:
        answer = with_token(PREFIX + "a" * 43).get("/api/v1/me")
    assert problem(answer) == (401, "invalid_token")
    assert queries.captured_queries[0]["sql"].startswith("SELECT")


def test_a_good_token_costs_two_queries_and_its_use_is_noted(api: Client, django_assert_num_queries: Any) -> None:
    before = timezone.now()
    with django_assert_num_queries(2):
        assert api.get("/api/v1/me").status_code == 200
    token = ApiToken.objects.get()
    assert token.last_used_at is not None
    assert before <= token.last_used_at <= timezone.now()


@pytest.mark.parametrize("path", ROUTES)
def test_an_expired_token_is_refused_at_once(owner: User, path: str) -> None:
    token, text = make_token(owner, "old", Scope.values[:3], timezone.now() + timedelta(hours=1))
    assert with_token(text).get("/api/v1/me").status_code == 200
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = with_token(text).get(path)
    assert problem(answer) == (401, "token_expired")
    assert answer["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("path", ROUTES)
def test_a_revoked_token_is_refused_at_once(owner: User, path: str) -> None:
    token, text = make_token(owner, "lost", Scope.values[:3])
    assert with_token(text).get("/api/v1/me").status_code == 200
    revoke(token)
    assert problem(with_token(text).get(path)) == (401, "token_revoked")


@pytest.mark.parametrize("state", ["revoked", "expired"])
def test_the_use_of_a_token_that_is_over_writes_nothing(owner: User, state: str) -> None:
    token, text = make_token(owner, "over", Scope.values[:1])
    past = timezone.now() - timedelta(days=1)
    ApiToken.objects.filter(pk=token.pk).update(**{f"{state}_at" if state == "revoked" else "expires_at": past})
    with_token(text).get("/api/v1/me")
    token.refresh_from_db()
    assert (token.last_used_at, token.requests) == (None, 0)


def test_a_token_of_a_closed_account_is_refused(api: Client, owner: User) -> None:
    owner.is_active = False
    owner.save()
    assert problem(api.get("/api/v1/me")) == (401, "account_inactive")


def test_tokens_go_with_their_owner(api: Client, owner: User) -> None:
    owner.delete()
    assert problem(api.get("/api/v1/me")) == (401, "invalid_token")


@pytest.mark.parametrize(("path", "scope"), SCOPED.items())
def test_every_other_scope_together_is_not_enough(owner: User, api_of: ApiOf, path: str, scope: Scope) -> None:
    owner.is_staff = True
    owner.save()
    others = [other for other in Scope if other is not scope]
    answer = api_of(owner, *others).get(path)
    assert problem(answer) == (403, "insufficient_scope")
    assert scope.value in answer.json()["detail"]
    assert answer["WWW-Authenticate"] == f'Bearer error="insufficient_scope", scope="{scope.value}"'
    assert api_of(owner, scope).get(path).status_code == 200


def test_who_is_no_longer_staff_has_a_token_without_admin(owner: User, api_of: ApiOf) -> None:
    owner.is_staff = True
    owner.save()
    admin = api_of(owner, Scope.ADMIN)
    assert admin.get("/api/v1/stack").status_code == 200
    owner.is_staff = False
    owner.save()
    assert problem(admin.get("/api/v1/stack")) == (403, "insufficient_scope")


def test_the_scheme_may_be_written_in_any_case(owner: User, client: Client) -> None:
    _, text = make_token(owner, "test", [Scope.IMAGES_READ])
    assert client.get("/api/v1/me", headers={"authorization": f"bearer {text}"}).status_code == 200


def test_a_cookie_that_comes_with_a_token_changes_nothing(api: Client, stranger: User) -> None:
    api.force_login(stranger)
    assert api.get("/api/v1/me").json()["username"] == "owner"
