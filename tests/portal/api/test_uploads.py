"""Uploading by API: announce, send, look; on a laptop as on S3."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portal.accounts.models import User
from portal.images.models import Image, Status
from tests.conftest import PIXEL, MakeImage
from tests.portal.api.conftest import ApiOf, problem

SHA256 = hashlib.sha256(PIXEL).hexdigest()
FILE = {"filename": "cat.jpg", "content_type": "image/jpeg", "size": len(PIXEL)}


def announce(api: Client, **changes: Any) -> Any:
    return api.post("/api/v1/images", {**FILE, **changes}, content_type="application/json")


def send(upload: dict[str, Any]) -> Any:
    """As any HTTP client would: without the token, a session or a CSRF token."""
    assert upload["url"].startswith("http://testserver/")
    path = upload["url"].removeprefix("http://testserver")
    file = SimpleUploadedFile("cat.jpg", PIXEL, content_type="image/jpeg")
    return Client(enforce_csrf_checks=True).post(path, {**upload["fields"], upload["file_field"]: file})


def test_a_file_is_announced_then_sent_then_queued(api: Client) -> None:
    started = announce(api, sha256=SHA256)
    assert started.status_code == 201
    document = started.json()
    assert document.keys() == {"id", "status", "upload"}
    assert document["status"] == "awaiting_upload"
    assert document["upload"].keys() == {"url", "fields", "file_field", "expires_at"}
    assert datetime.fromisoformat(document["upload"]["expires_at"]) > datetime.now(UTC) + timedelta(minutes=50)
    assert send(document["upload"]).status_code == 201
    assert api.get(f"/api/v1/images/{document['id']}").json()["status"] == "queued"


def test_content_the_owner_has_is_answered_with_its_image(
    api: Client, owner: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner, content=PIXEL)
    answer = announce(api, filename="copy.jpg", sha256=SHA256)
    assert answer.status_code == 200
    assert answer.json()["id"] == str(image.pk)
    assert answer.json()["duplicate"] is True
    assert answer.json()["labels"][0]["name"] == "Dog"
    assert Image.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"size": 0}, 400, "empty_file", "size"),
        ({"size": 50_000_001}, 413, "file_too_large", "size"),
        ({"size": "12"}, 400, "invalid_request", "size"),
        ({"size": True}, 400, "invalid_request", "size"),
        ({"size": 10**400}, 400, "invalid_request", "size"),
        ({"size": 1.5}, 400, "invalid_request", "size"),
        ({"size": None}, 400, "invalid_request", "size"),
        ({"filename": ""}, 400, "invalid_request", "filename"),
        ({"filename": "a" * 1001}, 400, "invalid_request", "filename"),
        ({"filename": 7}, 400, "invalid_request", "filename"),
        ({"content_type": "video/mp4"}, 415, "unsupported_format", "content_type"),
        ({"content_type": None}, 400, "invalid_request", "content_type"),
        ({"sha256": "abc"}, 400, "invalid_request", "sha256"),
        ({"sha256": SHA256 + "\n"}, 400, "invalid_request", "sha256"),
        ({"sha256": None}, 400, "invalid_request", "sha256"),
        ({"sha512": "abc"}, 400, "invalid_request", "sha512"),
        ({"half \ud800": 1}, 400, "invalid_request", "half ?"),
    ],
)
def test_what_cannot_be_uploaded_is_refused_by_the_name_of_its_field(
    api: Client, changes: dict[str, Any], status: int, code: str, field: str
) -> None:
    refused = announce(api, **changes)
    assert problem(refused) == (status, code)
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert not Image.objects.exists()


def test_a_whole_number_may_be_written_with_a_point(api: Client) -> None:
    assert announce(api, size=12.0).status_code == 201
    assert Image.objects.get().byte_size == 12


def test_every_field_that_is_missing_is_named(api: Client) -> None:
    refused = api.post("/api/v1/images", {}, content_type="application/json")
    assert problem(refused) == (400, "invalid_request")
    assert {error["field"] for error in refused.json()["errors"]} == {"filename", "content_type", "size"}


@pytest.mark.parametrize("body", ["", "nonsense", "[1]", "null", "NaN", "[" * 100_000])
def test_what_is_no_json_object_is_refused(api: Client, body: str) -> None:
    assert problem(api.post("/api/v1/images", body, content_type="application/json")) == (400, "invalid_request")


def test_only_json_is_read(api: Client) -> None:
    assert problem(api.post("/api/v1/images", FILE)) == (415, "unsupported_media_type")


@pytest.mark.parametrize(("filename", "kept"), [("holiday/cat.jpg", "cat.jpg"), ("\n", "unnamed"), ("/", "unnamed")])
def test_a_file_gets_a_plain_name(api: Client, filename: str, kept: str) -> None:
    image_id = announce(api, filename=filename).json()["id"]
    assert Image.objects.get(pk=image_id).filename == kept


def test_a_used_up_allowance_is_said(api: Client, settings: Any) -> None:
    settings.IMAGES_PER_DAY = 1
    assert announce(api).status_code == 201
    assert problem(announce(api)) == (429, "images_per_day")


def test_a_form_is_renewed_as_long_as_the_file_is_awaited(api: Client) -> None:
    first = announce(api).json()
    renewed = api.post(f"/api/v1/images/{first['id']}/upload-form", {"sha256": SHA256}, content_type="application/json")
    assert renewed.status_code == 200
    assert renewed.json()["id"] == first["id"]
    assert send(renewed.json()["upload"]).status_code == 201
    again = api.post(f"/api/v1/images/{first['id']}/upload-form", {}, content_type="application/json")
    assert again.json() == {"id": first["id"], "status": "queued", "upload": None}


def test_a_form_is_renewed_without_a_word(api: Client) -> None:
    first = announce(api).json()
    assert api.generic("POST", f"/api/v1/images/{first['id']}/upload-form").json()["upload"] is not None


def test_a_form_is_not_renewed_for_what_is_no_hash(api: Client) -> None:
    path = f"/api/v1/images/{announce(api).json()['id']}/upload-form"
    assert problem(api.post(path, {"sha256": "x"}, content_type="application/json")) == (400, "invalid_request")


def test_the_form_of_a_stranger_is_not_renewed(api_of: ApiOf, api: Client, stranger: User) -> None:
    path = f"/api/v1/images/{announce(api).json()['id']}/upload-form"
    assert problem(api_of(stranger).post(path)) == (404, "not_found")
    assert problem(api.post(f"/api/v1/images/{uuid4()}/upload-form")) == (404, "not_found")


def test_a_file_that_s3_has_is_noticed_when_its_image_is_asked_for(
    api: Client, stored_image: MakeImage, owner: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = stored_image(owner, status=Status.AWAITING_UPLOAD)
    settings.RECOGNIZED_BY = "lambda"
    asked = []

    def arrived(of: Image) -> tuple[Image, bool]:
        asked.append(of.pk)
        of.status = Status.QUEUED
        return of, False

    monkeypatch.setattr("portal.api.views.images.note_arrival", arrived)
    assert api.get(f"/api/v1/images/{image.pk}").json()["status"] == "queued"
    assert asked == [image.pk]
