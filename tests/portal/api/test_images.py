"""One image by API: all that is known of it, its files, what becomes of it; for its owner alone."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, reverse

from portal.accounts.models import User
from portal.api import urls
from portal.api.models import Scope
from portal.images.models import Image, Status
from portal.images.recording import record_result
from recognition.result import Box, DetectorRun, Failure, Label, ModerationLabel, Text, TextKind
from recognition.result import Status as Outcome
from tests.conftest import PIXEL, MakeImage, make_result
from tests.portal.api.conftest import ApiOf, problem, with_token

FIELDS = [
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
    "text",
    "moderation_labels",
    "properties",
    "detectors",
]


def test_all_that_was_recognised_is_there(api: Client, owner: User, recognized_image: MakeImage) -> None:
    text = Text("STOP", TextKind.LINE, 99.0, Box(0.1, 0.1, 0.2, 0.2), "text")
    flag = ModerationLabel("Violence", "", 88.0, 1, "rekognition")
    image = recognized_image(owner, text=(text,), moderation_labels=(flag,))
    document = api.get(f"/api/v1/images/{image.pk}").json()
    assert list(document) == FIELDS
    assert document["status"] == "recognized"
    assert (document["width"], document["height"]) == (640, 480)
    assert document["created_at"].endswith("Z")
    assert document["recognized_at"].endswith("Z")
    assert document["labels"] == [
        {
            "name": "Dog",
            "confidence": 97.0,
            "detector": "onnx",
            "parents": ["Pet", "Animal"],
            "categories": ["Animals and Pets"],
            "state": "predicted",
            "predicted": None,
            "instances": [
                {
                    "confidence": 97.0,
                    "box": {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4},
                    "state": "predicted",
                    "predicted": None,
                }
            ],
        }
    ]
    assert document["text"][0]["text"] == "STOP"
    assert document["text"][0]["kind"] == "line"
    assert document["moderation_labels"][0]["name"] == "Violence"
    assert document["properties"]["sharpness"] == 50
    assert document["detectors"] == [
        {"name": "onnx", "version": "test-1", "duration_ms": 12, "reused": False, "failure": None}
    ]


def test_every_stored_label_is_shown_unless_asked_otherwise(
    api: Client, owner: User, recognized_image: MakeImage
) -> None:
    labels = (
        Label("Dog", 97, "onnx"),
        Label("Cat", 3, "onnx"),
        Label("Dog", 40, "rekognition"),
        Label("Dog", 12, "onnx"),
    )
    image = recognized_image(owner, labels=labels)
    shown = api.get(f"/api/v1/images/{image.pk}").json()["labels"]
    assert [(label["name"], label["confidence"], label["detector"]) for label in shown] == [
        ("Dog", 97, "onnx"),
        ("Dog", 40, "rekognition"),
        ("Cat", 3, "onnx"),
    ]
    sure = api.get(f"/api/v1/images/{image.pk}?min_confidence=40").json()["labels"]
    assert [label["confidence"] for label in sure] == [97, 40]


def test_a_failure_is_told_and_the_last_success_stays(api: Client, owner: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner)
    failure = Failure("unsupported_format", "We could not read this file.", permanent=True)
    record_result(make_result(image, labels=(), status=Outcome.FAILED, failure=failure, image=None, detectors=()))
    document = api.get(f"/api/v1/images/{image.pk}").json()
    assert document["status"] == "failed"
    assert document["failure"] == {"code": "unsupported_format", "message": "We could not read this file."}
    assert document["labels"][0]["name"] == "Dog"


def test_an_image_whose_file_is_awaited_leads_nowhere(api: Client, stored_image: MakeImage, owner: User) -> None:
    image = stored_image(owner, status=Status.AWAITING_UPLOAD)
    document = api.get(f"/api/v1/images/{image.pk}").json()
    assert document["urls"] == {"original": None, "preview": None, "thumbnail": None}
    assert document["labels"] == []
    assert document["properties"] is None
    for name in ("original", "preview", "thumbnail"):
        assert problem(api.get(f"/api/v1/images/{image.pk}/{name}")) == (404, "not_found")


def test_the_addresses_lead_to_the_files_whatever_is_accepted(
    api: Client, owner: User, recognized_image: MakeImage
) -> None:
    content = PIXEL + b"all of it"
    image = recognized_image(owner, content=content)
    addresses = api.get(f"/api/v1/images/{image.pk}").json()["urls"]
    for name, address in addresses.items():
        assert address == f"http://testserver/api/v1/images/{image.pk}/{name}"
        answer = api.get(address.removeprefix("http://testserver"), headers={"accept": "image/*"})
        assert answer["Content-Type"] == "image/jpeg"
        assert "Authorization" in answer["Vary"]
        assert b"".join(answer.streaming_content) == (content if name == "original" else PIXEL)
        known = api.get(address.removeprefix("http://testserver"), headers={"if-none-match": answer["ETag"]})
        assert known.status_code == 304


def test_a_file_is_not_shown_without_a_token(owner: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner)
    browser = Client()
    browser.force_login(owner)
    assert problem(browser.get(f"/api/v1/images/{image.pk}/original")) == (401, "not_authenticated")


@pytest.mark.parametrize(
    "query", ["wait=26", "wait=-1", "wait=x", "wait=1.5", "min_confidence=101", "wait=1&wait=2", "weight=1"]
)
def test_a_wrong_parameter_is_named(api: Client, owner: User, recognized_image: MakeImage, query: str) -> None:
    refused = api.get(f"/api/v1/images/{recognized_image(owner).pk}?{query}")
    assert problem(refused) == (400, "invalid_request")
    assert refused.json()["errors"][0]["field"] == query.partition("=")[0]


def test_an_image_costs_few_queries(api: Client, owner: User, recognized_image: MakeImage) -> None:
    labels = tuple(Label(f"Label {number}", 90, "onnx") for number in range(200))
    image = recognized_image(owner, labels=labels)
    with CaptureQueriesContext(connection) as queries:
        assert len(api.get(f"/api/v1/images/{image.pk}?wait=1").json()["labels"]) == 200
    assert len(queries) <= 8


def test_a_deleted_image_is_gone(api: Client, owner: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner)
    answer = api.delete(f"/api/v1/images/{image.pk}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert problem(api.delete(f"/api/v1/images/{image.pk}")) == (404, "not_found")
    assert not Image.objects.exists()


def test_an_image_is_recognised_again_once(api: Client, owner: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner)
    for _ in range(2):
        answer = api.post(f"/api/v1/images/{image.pk}/recognize")
        assert answer.status_code == 202
        assert answer.json() == {"id": str(image.pk), "status": "queued"}
    image.refresh_from_db()
    assert image.status == Status.QUEUED


def test_what_has_no_file_cannot_be_recognised(api: Client, owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner, status=Status.AWAITING_UPLOAD)
    assert problem(api.post(f"/api/v1/images/{image.pk}/recognize")) == (409, "file_awaited")


def test_the_result_is_the_contract_s(api: Client, owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner)
    assert problem(api.get(f"/api/v1/images/{image.pk}/result")) == (404, "no_result")
    result = make_result(image, detectors=(DetectorRun("onnx", "1", 5, fingerprint="f" * 16),))
    record_result(result)
    assert api.get(f"/api/v1/images/{image.pk}/result").json() == json.loads(result.to_json())


def _routes() -> list[tuple[str, str]]:
    """Every route that goes by an image's id, with each of its methods: a new one is tried too."""
    found = []
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        if "image_id" in str(pattern.pattern):
            methods = [
                name for name in ("get", "post", "put", "patch", "delete") if hasattr(pattern.callback.cls, name)
            ]
            found += [(method, str(pattern.name)) for method in methods]
    return found


def test_there_are_routes_of_images() -> None:
    assert {("get", "image"), ("delete", "image"), ("post", "recognize"), ("get", "original")} <= set(_routes())
    assert {("get", "suggestions"), ("put", "suggestions"), ("delete", "suggestions")} <= set(_routes())


@pytest.mark.parametrize(("method", "name"), _routes())
def test_somebody_else_s_image_is_not_there(
    api_of: ApiOf, owner: User, stranger: User, recognized_image: MakeImage, method: str, name: str
) -> None:
    image = recognized_image(owner)
    other = api_of(_staff(stranger), *Scope)
    answers = [
        other.generic(method.upper(), reverse(f"api:{name}", args=[image_id])) for image_id in (image.pk, uuid4())
    ]
    assert [problem(answer) for answer in answers] == [(404, "not_found")] * 2
    assert answers[0].json() == answers[1].json()
    image.refresh_from_db()
    assert image.status == Status.RECOGNIZED


def _staff(user: User) -> User:
    """Only they can have every scope."""
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    return user


def _scope(method: str, name: str) -> Scope:
    if method == "get":
        return Scope.IMAGES_READ
    return Scope.LABELS_WRITE if name == "suggestions" else Scope.IMAGES_WRITE


@pytest.mark.parametrize(("method", "name"), [*_routes(), ("get", "images"), ("post", "images"), ("post", "batch")])
def test_each_route_needs_its_scope(
    api_of: ApiOf, owner: User, recognized_image: MakeImage, method: str, name: str
) -> None:
    image = recognized_image(owner)
    address = reverse(f"api:{name}", args=[] if name in ("images", "batch") else [image.pk])
    needed = _scope(method, name)
    others = [scope for scope in Scope if scope is not needed]
    refused = api_of(_staff(owner), *others).generic(method.upper(), address)
    assert problem(refused) == (403, "insufficient_scope")
    taken = api_of(owner, needed).generic(method.upper(), address)
    assert taken.status_code not in (401, 403)


@pytest.mark.parametrize(("method", "name"), [*_routes(), ("get", "images"), ("post", "images"), ("post", "batch")])
def test_each_route_needs_a_token(owner: User, recognized_image: MakeImage, method: str, name: str) -> None:
    address = reverse(f"api:{name}", args=[] if name in ("images", "batch") else [recognized_image(owner).pk])
    assert problem(Client().generic(method.upper(), address)) == (401, "not_authenticated")
    assert problem(with_token("isft_nonsense").generic(method.upper(), address)) == (401, "invalid_token")
