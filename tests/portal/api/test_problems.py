"""Whatever goes wrong is answered as a problem whose code is explained."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404
from django.test import Client
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from portal.api import problems
from portal.api.problem_codes import KINDS
from portal.api.problems import Problem
from portal.api.views import account
from portal.images.quotas import QuotaExceeded
from portal.images.uploads import UploadRefused
from tests.portal.api.conftest import problem

ROOT = Path(__file__).parents[3]
REFUSALS = ("UploadRefused", "QuotaExceeded", "Problem")


def answered(error: Exception) -> Any:
    request = Request(APIRequestFactory().get("/api/v1/me"))
    return problems.handle(error, {"request": request})


class _File(serializers.Serializer[Any]):
    size = serializers.IntegerField()


class _Batch(serializers.Serializer[Any]):
    files = _File(many=True)


def _codes_in(path: Path) -> set[str]:
    """The codes that a module names when it refuses something."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    named = [
        call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id in REFUSALS and call.args
    ]
    return {node.value for node in named if isinstance(node, ast.Constant)}


def test_every_code_that_the_portal_refuses_with_is_explained() -> None:
    folders = (ROOT / "portal" / "images", ROOT / "portal" / "api")
    found = {code for folder in folders for path in folder.rglob("*.py") for code in _codes_in(path)}
    assert found >= {"images_per_day", "file_too_large", "rate_limited"}, "the codes are no longer found"
    assert found <= set(KINDS)
    # Made of the field's name.
    assert {f"invalid_{name}" for name in ("filename", "content_type", "sha256")} <= set(KINDS)


def test_a_problem_is_a_whole_document(api: Client) -> None:
    answer = api.get("/api/v1/stack")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "http://testserver/api/v1/problems#insufficient_scope",
        "title": "The token may not do this",
        "status": 403,
        "detail": "This needs a token with the scope admin that belongs to staff.",
        "code": "insufficient_scope",
        "errors": [],
    }


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Http404(), 404, "not_found"),
        (PermissionDenied(), 403, "permission_denied"),
        (exceptions.PermissionDenied(), 403, "permission_denied"),
        (exceptions.NotAuthenticated(), 401, "not_authenticated"),
        (exceptions.AuthenticationFailed(), 401, "invalid_token"),
        (exceptions.NotFound(), 404, "not_found"),
        (exceptions.ParseError(), 400, "invalid_request"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.NotAcceptable(), 406, "not_acceptable"),
        (exceptions.UnsupportedMediaType("text/csv"), 415, "unsupported_media_type"),
        (UploadRefused("file_too_large", "Too large.", 413), 413, "file_too_large"),
        (UploadRefused("file_missing", "It is not there.", 409), 409, "file_missing"),
        (QuotaExceeded("images_per_day", "All used."), 429, "images_per_day"),
        (OperationalError("locked"), 503, "unavailable"),
        (Problem("invalid_request", "No.", 422), 422, "invalid_request"),
    ],
)
def test_errors_become_problems(error: Exception, status: int, code: str) -> None:
    answer = answered(error)
    assert (answer.status_code, answer.data["status"], answer.data["code"]) == (status, status, code)
    assert answer.data["detail"]
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_somebody_throttled_is_told_how_long() -> None:
    assert answered(exceptions.Throttled(wait=7.4))["Retry-After"] == "8"


def test_an_upload_that_is_refused_names_the_field() -> None:
    answer = answered(UploadRefused("invalid_sha256", "The SHA-256 must be 64 lower-case hex digits."))
    errors = [{"field": "sha256", "message": "The SHA-256 must be 64 lower-case hex digits."}]
    assert answer.data["errors"] == errors


def test_mistakes_deep_in_a_request_are_named_by_their_path() -> None:
    batch = _Batch(data={"files": [{"size": 1}, {"size": "many"}]})
    with pytest.raises(exceptions.ValidationError) as caught:
        batch.is_valid(raise_exception=True)
    answer = answered(caught.value)
    assert (answer.status_code, answer.data["code"]) == (400, "invalid_request")
    assert [error["field"] for error in answer.data["errors"]] == ["files.1.size"]
    whole = answered(exceptions.ValidationError({"non_field_errors": ["Nothing fits."]}))
    assert whole.data["errors"] == [{"field": "", "message": "Nothing fits."}]


def test_what_nobody_expected_is_not_hidden_from_the_log() -> None:
    assert answered(ZeroDivisionError()) is None


def test_a_mistake_of_ours_is_a_problem_and_tells_nothing(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(account, "_usage", fail)
    api.raise_request_exception = False
    answer = api.get("/api/v1/usage")
    assert problem(answer) == (500, "internal_error")
    assert b"secret" not in answer.content
    assert "RateLimit" in answer.headers


@pytest.mark.parametrize("path", ["/api/", "/api/v1/nothing", "/api/v1/me/", "/api/v2/me", "/api/v1/images/nonsense"])
def test_an_address_that_does_not_exist_is_a_problem(client: Client, path: str) -> None:
    assert problem(client.get(path)) == (404, "not_found")


def test_elsewhere_mistakes_are_pages(client: Client) -> None:
    answer = client.get("/nothing")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_a_request_for_another_host_is_a_problem_without_its_name(client: Client) -> None:
    answer = client.get("/api/v1/me", headers={"host": "evil.example"})
    assert problem(answer) == (400, "invalid_request")
    assert answer.json()["type"] == "/api/v1/problems#invalid_request"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
def test_methods_that_do_not_work_are_named(api: Client, method: str) -> None:
    answer = api.generic(method, "/api/v1/me")
    assert problem(answer) == (405, "method_not_allowed")
    assert answer["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("page", ["schema", "docs", "problems"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_what_is_only_looked_at_refuses_other_methods_as_a_problem(db: None, page: str, method: str) -> None:
    answer = Client(enforce_csrf_checks=True).generic(method, f"/api/v1/{page}")
    assert problem(answer) == (405, "method_not_allowed")
    assert answer["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("address", ["/api", "/api/", "/api/v1"])
def test_above_the_routes_there_is_nothing(client: Client, db: None, address: str) -> None:
    assert problem(client.get(address)) == (404, "not_found")


def test_a_content_type_is_not_said_to_be_optional(api: Client) -> None:
    file = {"filename": "cat.jpg", "size": 5}
    refused = api.post("/api/v1/images", file, content_type="application/json").json()
    assert refused["errors"] == [{"field": "content_type", "message": "It is missing."}]
    assert "leave it out" not in KINDS["invalid_content_type"].advice
    assert "idempotency_in_progress" not in KINDS


def test_options_tells_the_methods_and_head_is_a_get_without_its_body(api: Client) -> None:
    options = api.options("/api/v1/me")
    assert (options.status_code, options.json()) == (200, {"methods": ["GET", "HEAD", "OPTIONS"]})
    head = api.head("/api/v1/me")
    assert (head.status_code, head.content, head["Content-Type"]) == (200, b"", "application/json")


def test_only_json_is_answered(api: Client) -> None:
    assert problem(api.get("/api/v1/me", headers={"accept": "text/html"})) == (406, "not_acceptable")
    assert api.get("/api/v1/me", headers={"accept": "*/*"}).status_code == 200


@pytest.mark.parametrize("body", ["[" * 100_000, "{", "NaN", "\ud800", ""])
def test_what_is_no_json_is_said_to_be_none(api: Client, body: str) -> None:
    sent = body.encode("utf-8", "surrogatepass")
    answer = api.post("/api/v1/images", sent, content_type="application/json")
    assert problem(answer) == (400, "invalid_request")


def test_no_more_is_read_than_of_other_requests(api: Client, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    answer = api.post("/api/v1/images", b" " * 101, content_type="application/json")
    assert problem(answer) == (413, "request_too_large")


def test_another_media_type_is_refused(api: Client) -> None:
    answer = api.post("/api/v1/images", b"a,b", content_type="text/csv")
    assert problem(answer) == (415, "unsupported_media_type")


def test_the_page_of_problems_explains_every_code(client: Client) -> None:
    page = client.get("/api/v1/problems").content.decode()
    assert all(f'id="{code}"' in page for code in KINDS)
    assert client.post("/api/v1/problems").status_code == 405
