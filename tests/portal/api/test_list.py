"""The list of images by API: filters, pages, and what they cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from portal.images.models import Image, Status
from recognition.result import Label
from tests.conftest import MakeImage
from tests.portal.api.conftest import problem
from tests.portal.bare_images import bare_images

NOON = datetime(2026, 5, 17, 12, tzinfo=UTC)


def one_named(owner: User, name: str, **values: Any) -> None:
    Image.objects.create(owner=owner, filename=name, byte_size=1, **{"status": Status.RECOGNIZED, **values})


def names(api: Client, query: str = "") -> list[str]:
    answer = api.get(f"/api/v1/images?{query}")
    assert answer.status_code == 200, answer.json()
    return [image["filename"] for image in answer.json()["results"]]


def test_images_come_newest_first_as_summaries(api: Client, owner: User, recognized_image: MakeImage) -> None:
    recognized_image(owner, "first.jpg")
    recognized_image(
        owner, "second.jpg", labels=(Label("Cat", 80, "onnx"), Label("Dog", 90, "onnx"), Label("Ant", 9, "onnx"))
    )
    first, second = reversed(api.get("/api/v1/images").json()["results"])
    assert (first["filename"], second["filename"]) == ("first.jpg", "second.jpg")
    assert list(second) == (
        [
            "id",
            "filename",
            "status",
            "failure",
            "width",
            "height",
            "created_at",
            "recognized_at",
            "duplicate",
            "urls",
            "labels",
        ]
    )
    assert second["labels"] == [
        {"name": "Dog", "confidence": 90.0, "detector": "onnx", "state": "predicted"},
        {"name": "Cat", "confidence": 80.0, "detector": "onnx", "state": "predicted"},
    ]


def test_the_stranger_s_images_are_not_listed(api: Client, stranger: User, recognized_image: MakeImage) -> None:
    recognized_image(stranger)
    assert api.get("/api/v1/images").json() == {"results": [], "next": None}


def test_images_without_a_file_are_not_listed(api: Client, owner: User) -> None:
    bare_images(owner, 2, status=Status.AWAITING_UPLOAD)
    assert names(api) == []


def test_pages_follow_each_other_without_a_gap(api: Client, owner: User) -> None:
    bare_images(owner, 7)
    seen, query = [], "limit=3"
    for _ in range(3):
        page = api.get(f"/api/v1/images?{query}").json()
        seen += [image["filename"] for image in page["results"]]
        query = f"limit=3&cursor={page['next']}"
        one_named(owner, "new.jpg")
    assert seen == [f"photo-{number}.jpg" for number in range(7)]
    assert page["next"] is None


def test_a_page_has_fifty_unless_asked_otherwise(api: Client, owner: User) -> None:
    bare_images(owner, 101)
    assert len(names(api)) == 50
    assert len(names(api, "limit=100")) == 100
    assert len(names(api, "limit=1")) == 1


def test_labels_are_filtered_by(api: Client, owner: User, recognized_image: MakeImage) -> None:
    recognized_image(owner, "both.jpg", labels=(Label("Dog", 90, "onnx"), Label("Cat", 60, "rekognition")))
    recognized_image(owner, "dog.jpg", labels=(Label("Dog", 70, "onnx"),))
    assert names(api, "label=dog") == ["dog.jpg", "both.jpg"]
    assert names(api, "label=dog&label=Cat") == ["both.jpg"]
    assert names(api, "label=dog&min_confidence=80") == ["both.jpg"]
    assert names(api, "detector=rekognition") == ["both.jpg"]
    assert names(api, "label=dog&detector=rekognition") == []
    assert names(api, "label=Unicorn") == []


def test_the_least_confidence_also_decides_what_is_shown(api: Client, owner: User, recognized_image: MakeImage) -> None:
    recognized_image(owner, labels=(Label("Dog", 90, "onnx"), Label("Cat", 5, "onnx")))
    [image] = api.get("/api/v1/images?min_confidence=1e0").json()["results"]
    assert [label["name"] for label in image["labels"]] == ["Dog", "Cat"]
    [image] = api.get("/api/v1/images?min_confidence=95").json()["results"]
    assert image["labels"] == []


def test_words_and_states_are_filtered_by(api: Client, owner: User, recognized_image: MakeImage) -> None:
    recognized_image(owner, "beach.jpg")
    one_named(owner, "beach failed.jpg", status=Status.FAILED)
    assert sorted(names(api, "q=BEACH")) == ["beach failed.jpg", "beach.jpg"]
    assert names(api, "q=beach&status=failed") == ["beach failed.jpg"]
    assert names(api, "q=beach+dog") == ["beach.jpg"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("since=2026-05-17", "0 1 2"),
        ("until=2026-05-17", "1 2 3"),
        ("since=2026-05-17&until=2026-05-17", "1 2"),
        ("since=2026-05-17T12:00:00Z", "0 1"),
        ("since=2026-05-17T12:00:00.000001Z", "0"),
        ("since=2026-05-17T14:00:00%2B02:00", "0 1"),
        ("until=2026-05-17T12:00:00Z", "1 2 3"),
        ("until=2026-05-17T11:59:59.999999Z", "2 3"),
        ("since=2026-05-17T12:00:00Z&until=2026-05-17T12:00:00Z", "1"),
        ("since=2026-05-18T00:00:00Z&until=2026-05-17T12:00:00Z", ""),
        ("since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59Z", "0 1 2 3"),
        ("since=0001-01-01&until=9999-12-31", "0 1 2 3"),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 50])
def test_days_and_moments_bound_the_list_on_every_page(
    api: Client, owner: User, query: str, expected: str, limit: int
) -> None:
    moments = [NOON + timedelta(days=1), NOON, NOON - timedelta(hours=12), NOON - timedelta(days=1)]
    for number, moment in enumerate(moments):
        one_named(owner, str(number), created_at=moment)
    seen, cursor = [], ""
    while cursor is not None:
        after = f"&cursor={cursor}" if cursor else ""
        page = api.get(f"/api/v1/images?{query}&limit={limit}{after}").json()
        seen += [image["filename"] for image in page["results"]]
        cursor = page["next"]
    assert " ".join(seen) == expected


def test_a_cursor_does_not_lead_past_the_last_moment(api: Client, owner: User) -> None:
    bare_images(owner, 3)
    newest = api.get("/api/v1/images?limit=1").json()["next"]
    until = (datetime.now(UTC) - timedelta(hours=1, minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert names(api, f"cursor={newest}&until={until}") == ["photo-2.jpg"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=ten",
        "limit=",
        "limit=1&limit=2",
        "cursor=x",
        "cursor=",
        "cursor=1-not-an-id",
        "cursor=99999999999999999999-00000000-0000-0000-0000-000000000000",
        "min_confidence=101",
        "min_confidence=-1",
        "min_confidence=nan",
        "min_confidence=1_0",
        "status=awaiting_upload",
        "status=lost",
        "detector=",
        "detector=" + "x" * 65,
        "label=",
        "label=" + "x" * 201,
        "label=%00",
        "&".join(f"label={number}" for number in range(11)),
        "q=" + "x" * 201,
        "q=a+b+c+d+e+f+g+h+i+j+k",
        "q=%00",
        "q=a%09b",
        "q=a%1fb",
        "since=yesterday",
        "since=2026-02-30",
        "since=20260101",
        "since=2026-01-01T00:00:00",
        "until=2026-13-01",
        "labels=Dog",
        "format=xml",
    ],
)
def test_what_is_not_understood_is_refused_by_its_name(api: Client, query: str) -> None:
    refused = api.get(f"/api/v1/images?{query}")
    assert problem(refused) == (400, "invalid_request")
    assert [error["field"] for error in refused.json()["errors"]] == [query.partition("=")[0]]


def test_everything_wrong_is_named_at_once(api: Client) -> None:
    refused = api.get("/api/v1/images?limit=0&colour=red&since=x")
    assert {error["field"] for error in refused.json()["errors"]} == {"limit", "colour", "since"}


def _queries(api: Client, query: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert api.get(f"/api/v1/images?{query}").json()["results"]
    return len(queries)


@pytest.mark.parametrize("query", ["", "label=Dog&label=Cat&detector=onnx&q=photo&since=2020-01-01&status=recognized"])
def test_a_page_costs_at_most_eight_queries_whatever_its_size(
    api: Client, owner: User, recognized_image: MakeImage, query: str
) -> None:
    labels = (Label("Dog", 90, "onnx"), Label("Cat", 80, "onnx"))
    recognized_image(owner, labels=labels)
    one = _queries(api, query)
    for _ in range(12):
        recognized_image(owner, labels=labels)
    assert _queries(api, f"{query}&limit=100") == one <= 8
    assert Image.objects.count() == 13


def test_the_list_takes_no_other_method(api: Client) -> None:
    answer: Any = api.put("/api/v1/images")
    assert problem(answer) == (405, "method_not_allowed")
