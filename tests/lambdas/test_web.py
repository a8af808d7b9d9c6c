"""`web`: an HTTP API's request in, Django's answer out."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

from lambdas.web import handler
from portal.accounts.models import User
from tests.conftest import PASSWORD
from tests.lambdas.world import Context

# Requests end for real here, and close their connection.
pytestmark = pytest.mark.django_db(transaction=True)

HOST = "photos.example"


@pytest.fixture(autouse=True)
def _as_deployed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RECOGNIZED_BY = "lambda"
    settings.ALLOWED_HOSTS = [HOST]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_SSL_REDIRECT = True
    # The one made at import has middleware of the laptop.
    monkeypatch.setattr(handler, "_answer", handler.make_lambda_handler(WSGIHandler()))


def request(method: str = "GET", address: str = "/", **changes: Any) -> dict[str, Any]:
    """What API Gateway sends for an HTTP API, payload format 2.0."""
    place, _, query = address.partition("?")
    event = {
        "version": "2.0",
        "rawPath": place,
        "rawQueryString": query,
        "headers": {"host": HOST, "x-forwarded-proto": "https", **changes.pop("headers", {})},
        "requestContext": {
            "requestId": "id-of-the-request",
            "http": {"method": method, "path": place, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9"},
        },
        "isBase64Encoded": False,
    }
    return {**event, **changes}


def ask(*args: Any, **changes: Any) -> dict[str, Any]:
    return handler.handle(request(*args, **changes), Context())


def test_a_page_comes_as_text_with_its_policy() -> None:
    answer = ask()
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert "<h1" in answer["body"]
    assert "default-src 'none'" in answer["headers"]["content-security-policy"]


def test_somebody_signs_in_with_cookies_and_a_form(owner: User) -> None:
    page = ask("GET", "/accounts/login/")
    cookie = page["cookies"][0].split(";")[0]
    form = urlencode({"login": "owner", "password": PASSWORD, "csrfmiddlewaretoken": cookie.split("=")[1]})
    headers = {"content-type": "application/x-www-form-urlencoded", "referer": f"https://{HOST}/accounts/login/"}
    body = {"body": base64.b64encode(form.encode()).decode(), "isBase64Encoded": True}
    signed_in = ask("POST", "/accounts/login/", headers=headers, cookies=[cookie], **body)
    assert (signed_in["statusCode"], signed_in["headers"]["location"]) == (302, "/history/")
    session = [each.split(";")[0] for each in signed_in["cookies"]]
    assert ask("GET", "/history/?q=cat", cookies=session)["statusCode"] == 200


def test_json_comes_as_text_and_pictures_as_base64(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    assert json.loads(ask("GET", "/readyz")["body"])["database"] == "ok"

    def picture(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(b"\x89PNG\xff", content_type="image/png")

    settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": [path("picture", picture)]})
    answer = ask("GET", "/picture")
    assert answer["isBase64Encoded"] is True
    assert base64.b64decode(answer["body"]) == b"\x89PNG\xff"


def test_who_asks_is_who_the_gateway_says_and_not_who_a_header_says(settings: Any) -> None:
    seen: list[str] = []

    def look(request: HttpRequest) -> HttpResponse:
        from allauth.account.adapter import get_adapter

        seen.append(get_adapter().get_client_ip(request))
        return HttpResponse()

    settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": [path("look", look)]})
    ask("GET", "/look", headers={"x-forwarded-for": "198.51.100.1, 203.0.113.9"})
    assert seen == ["203.0.113.9"]


def test_a_host_that_is_not_ours_is_refused() -> None:
    assert ask(headers={"host": "elsewhere.example"})["statusCode"] == 400


def test_the_module_starts_django_by_itself() -> None:
    source = (Path(handler.__file__)).read_text()
    assert "portal.wsgi" in source
