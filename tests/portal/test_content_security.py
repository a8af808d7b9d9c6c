"""Nothing inline anywhere: the policy forbids it, and no page or template needs it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.views.defaults import server_error

from portal.accounts.models import ErasureReceipt, User

TEMPLATES = sorted((Path(settings.BASE_DIR) / "portal" / "templates").rglob("*.html"))

INLINE = {
    "a style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.IGNORECASE),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "an event handler": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a javascript: address": re.compile(r"javascript:", re.IGNORECASE),
    # Data blocks are not run.
    "an inline script": re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")", re.IGNORECASE),
}


def inline_parts(markup: str) -> list[str]:
    return [name for name, pattern in INLINE.items() if pattern.search(markup)]


def test_the_patterns_find_what_they_are_for() -> None:
    assert inline_parts('<p style="color: red">') == ["a style attribute"]
    assert inline_parts("<style>") == ["a style element"]
    assert inline_parts('<a onclick="x()">') == ["an event handler"]
    assert inline_parts("<script>x()</script>") == ["an inline script"]
    assert inline_parts('<script src="/x.js" defer></script><script type="application/json">{}</script>') == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(TEMPLATES[0].parents[0])))
def test_templates_hold_nothing_inline(template: Path) -> None:
    assert inline_parts(template.read_text()) == []


def _addresses(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    """Every address without a variable part, but for the administration's, which has a policy of its own."""
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern).removeprefix("^").removesuffix("$").removesuffix(r"\Z")
        if isinstance(entry, URLResolver):
            if entry.namespace not in ("admin", "moderation", "finetuning"):
                yield from _addresses(entry, route)
        elif isinstance(entry, URLPattern) and not set(route) & set("<(^"):
            yield route


ADDRESSES = sorted(set(_addresses(get_resolver())))


def check(response: Any) -> None:
    assert response.status_code != 500
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["frame-ancestors"] == directives["base-uri"] == "'none'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    if response.headers.get("Content-Type", "").startswith("text/html"):
        assert inline_parts(response.content.decode()) == []


def test_many_addresses_are_tried() -> None:
    assert {"/", "/history/", "/account/", "/accounts/login/", "/accounts/2fa/webauthn/add/"} <= set(ADDRESSES)


@pytest.mark.django_db
@pytest.mark.parametrize("address", ADDRESSES)
def test_pages_for_strangers_keep_the_policy(client: Client, address: str) -> None:
    check(client.get(address))


@pytest.mark.parametrize("address", ADDRESSES)
def test_pages_for_people_keep_the_policy(client: Client, owner: User, address: str) -> None:
    client.force_login(owner)
    check(client.get(address))


def test_an_image_and_its_result_keep_the_policy(client: Client, owner: User, recognized_image: Any) -> None:
    client.force_login(owner)
    image = recognized_image(owner)
    check(client.get(image.get_absolute_url()))
    check(client.get(reverse("images:history")))
    check(client.get(reverse("images:result", args=[image.pk])))


@pytest.mark.django_db
def test_error_pages_keep_the_policy(client: Client) -> None:
    check(client.get("/nowhere"))
    receipt = ErasureReceipt.objects.create(images=1, recognitions=2, original_bytes=3)
    check(client.get(receipt.get_absolute_url()))
    strict = Client(enforce_csrf_checks=True)
    refused = strict.post(reverse("account_login"), {"login": "a", "password": "b"})
    assert refused.status_code == 403
    assert "open for too long" in refused.content.decode()
    check(refused)


def test_the_page_for_our_own_faults_needs_no_database(rf: RequestFactory) -> None:
    page = server_error(rf.get("/")).content.decode()
    assert "Something went wrong on our side" in page
    assert inline_parts(page) == []
