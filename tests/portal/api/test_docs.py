"""The documentation page: everything of the OpenAPI document, for whoever comes, under the site's policy."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from portal.api.openapi import openapi_document


class _Page(HTMLParser):
    """Ids, links to them, and whatever the Content-Security-Policy would refuse."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.anchors: list[str] = []
        self.refused: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if (values.get("href") or "").startswith("#"):
            self.anchors.append(str(values["href"])[1:])
        if tag == "style" or (tag == "script" and "src" not in values):
            self.refused.append(tag)
        self.refused += [name for name in values if name == "style" or name.startswith("on")]


@pytest.fixture
def text(db: None) -> str:
    answer = Client().get("/api/v1/docs")
    assert answer.status_code == 200
    return str(answer.content.decode())


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    paths = openapi_document()["paths"].items()
    return [(path, method, operation) for path, item in paths for method, operation in item.items()]


def test_every_route_and_shape_has_its_place(text: str) -> None:
    page = _Page(text)
    assert {operation["operationId"] for *_, operation in _operations()} <= set(page.ids)
    assert {f"shape-{name}" for name in openapi_document()["components"]["schemas"]} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_every_link_on_the_page_leads_somewhere(text: str) -> None:
    page = _Page(text)
    assert len(page.anchors) > 50
    assert set(page.anchors) <= set(page.ids)


def test_nothing_is_inline(text: str) -> None:
    assert _Page(text).refused == []


def test_parameters_scopes_answers_and_commands_are_written_out(text: str) -> None:
    for path, _, operation in _operations():
        assert f"<code>{path}</code>" in text
        route = text.split(f'<h3 id="{operation["operationId"]}">')[1].split("</article>")[0]
        for parameter in operation.get("parameters", []):
            assert f"<code>{parameter['name']}</code>" in route
        for status in operation["responses"]:
            assert f"<strong>{status}</strong>" in route
        for scope in operation["security"][0]["token"]:
            assert f"<code>{scope}</code>" in route
        assert "http://testserver/api/v1/" in route
        assert "Authorization: Bearer $TOKEN" in route


def test_commands_and_examples_can_be_copied(text: str) -> None:
    route = text.split('<h3 id="images_create">')[1].split("</article>")[0]
    assert "&quot;filename&quot;: &quot;cat.jpg&quot;" in route
    assert re.search(r"-d &#x27;\{.*\}&#x27;", route)
    assert "&quot;awaiting_upload&quot;" in route


def test_the_page_is_only_looked_at() -> None:
    assert Client().post("/api/v1/docs").status_code == 405
