"""Uploading: announce, send, queue; refusals; nothing twice."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from portal.accounts.leaving import delete_account
from portal.accounts.models import User
from portal.images.erasing import erase_due
from portal.images.models import DailyUploads, Image, Status, StorageDeletion
from portal.images.sweeping import sweep
from tests.conftest import PIXEL

SHA256 = hashlib.sha256(PIXEL).hexdigest()


def announce(client: Client, **changes: Any) -> Any:
    file = {"filename": "cat.jpg", "content_type": "image/jpeg", "size": len(PIXEL), "sha256": SHA256, **changes}
    return client.post("/uploads/", json.dumps(file), content_type="application/json")


def send(client: Client, started: Any, content: bytes = PIXEL) -> Any:
    upload = started.json()["upload"]
    file = SimpleUploadedFile("cat.jpg", content, content_type="image/jpeg")
    return client.post(upload["url"], {**upload["fields"], upload["file_field"]: file})


@pytest.fixture
def signed_in(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def test_a_file_is_announced_then_sent_then_queued(signed_in: Client, owner: User) -> None:
    started = announce(signed_in)
    assert started.status_code == 201
    assert started.json()["status"] == "awaiting_upload"
    sent = send(signed_in, started)
    assert sent.status_code == 201
    image = Image.objects.get(owner=owner)
    assert sent.json()["id"] == started.json()["id"] == str(image.pk)
    assert image.status == Status.QUEUED
    assert image.sha256 == SHA256
    assert storages["uploads"].open(image.upload_key).read() == PIXEL


def test_the_form_is_enough_to_send_the_file_as_it_is_on_s3(signed_in: Client) -> None:
    started = announce(signed_in)
    assert send(Client(enforce_csrf_checks=True), started).status_code == 201


def test_sending_the_same_form_twice_changes_nothing(signed_in: Client) -> None:
    started = announce(signed_in)
    send(signed_in, started)
    again = send(signed_in, started)
    assert again.status_code == 201
    assert Image.objects.count() == 1


def test_content_the_owner_has_is_answered_before_it_is_sent(signed_in: Client) -> None:
    first = announce(signed_in)
    send(signed_in, first)
    second = announce(signed_in, filename="copy.jpg")
    assert second.status_code == 200
    assert second.json()["duplicate"] is True
    assert second.json()["id"] == first.json()["id"]
    assert Image.objects.count() == 1


def test_content_the_owner_has_is_noticed_without_a_hash_too(signed_in: Client) -> None:
    first = announce(signed_in, sha256="")
    second = announce(signed_in, sha256="")
    send(signed_in, first)
    sent = send(signed_in, second)
    assert sent.json()["duplicate"] is True
    assert sent.json()["id"] == first.json()["id"]
    assert Image.objects.count() == 1


def test_another_person_may_have_the_same_content(signed_in: Client, stranger: User) -> None:
    send(signed_in, announce(signed_in))
    other = Client()
    other.force_login(stranger)
    assert announce(other).status_code == 201


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"size": 0}, 400, "empty_file"),
        ({"size": -5}, 400, "empty_file"),
        ({"size": "12"}, 400, "invalid_size"),
        ({"size": True}, 400, "invalid_size"),
        ({"size": 10**400}, 400, "invalid_size"),
        ({"size": 50_000_001}, 413, "file_too_large"),
        ({"filename": ""}, 400, "invalid_filename"),
        ({"filename": 7}, 400, "invalid_filename"),
        ({"content_type": "video/mp4"}, 415, "unsupported_format"),
        ({"sha256": "abc"}, 400, "invalid_sha256"),
    ],
)
def test_what_cannot_work_is_refused_with_a_sentence(
    signed_in: Client, changes: dict[str, Any], status: int, code: str
) -> None:
    refused = announce(signed_in, **changes)
    assert refused.status_code == status
    assert refused.json()["error"]["code"] == code
    assert refused.json()["error"]["message"].endswith(".")
    assert not Image.objects.exists()


@pytest.mark.parametrize("body", ["", "nonsense", "[1]", "null", "[" * 100_000])
def test_a_request_that_is_no_json_object_is_refused(signed_in: Client, body: str) -> None:
    refused = signed_in.post("/uploads/", body, content_type="application/json")
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "invalid_request"


def test_a_path_in_the_name_is_cut_to_its_last_part(signed_in: Client) -> None:
    announce(signed_in, filename="..\\..\\holiday/../beach\u0000\n.jpg")
    assert Image.objects.get().filename == "beach.jpg"


def test_what_no_database_keeps_is_left_out_of_the_declared_type(signed_in: Client) -> None:
    assert announce(signed_in, content_type="image/\u0000\ud800jpeg").status_code == 201
    assert Image.objects.get().content_type == "image/jpeg"


def test_who_is_signed_out_is_told_so(client: Client, db: None) -> None:
    refused = announce(client)
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "signed_out"


def test_a_file_of_another_size_or_content_is_refused(signed_in: Client) -> None:
    started = announce(signed_in)
    assert send(signed_in, started, PIXEL + b"x").json()["error"]["code"] == "size_mismatch"
    changed = PIXEL[:-1] + b"x"
    assert send(signed_in, started, changed).json()["error"]["code"] == "content_changed"
    assert send(signed_in, started).status_code == 201


def test_a_forged_or_expired_form_is_refused(signed_in: Client, settings: Any) -> None:
    started = announce(signed_in)
    file = SimpleUploadedFile("cat.jpg", PIXEL)
    forged = signed_in.post("/uploads/receive/", {"policy": "forged", "file": file})
    assert (forged.status_code, forged.json()["error"]["code"]) == (403, "form_invalid")
    settings.UPLOAD_FORM_SECONDS = -1
    expired = send(signed_in, started)
    assert (expired.status_code, expired.json()["error"]["code"]) == (403, "form_expired")


def test_an_image_deleted_before_its_file_came_leaves_nothing(signed_in: Client) -> None:
    started = announce(signed_in)
    Image.objects.all().delete()
    assert send(signed_in, started).json()["error"]["code"] == "image_gone"


def test_a_file_that_arrives_while_its_owner_leaves_is_refused_and_erased(
    signed_in: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = announce(signed_in)
    storage = storages["uploads"]
    save = storage.save

    def leave_and_save(name: str, content: Any) -> str:
        delete_account(owner)
        erase_due()
        return save(name, content)

    monkeypatch.setattr(storage, "save", leave_and_save)
    sent = send(signed_in, started)
    assert (sent.status_code, sent.json()["error"]["code"]) == (404, "image_gone")
    key = f"uploads/{owner.pk}/{started.json()['id']}"
    assert storage.exists(key)
    StorageDeletion.objects.update(not_before=timezone.now())
    erase_due()
    assert not storage.exists(key)


def test_a_request_too_long_is_refused_unread(signed_in: Client, settings: Any) -> None:
    started = announce(signed_in)
    settings.MAX_UPLOAD_BYTES = 10
    content = b"x" * 100_000
    assert send(signed_in, started, content).status_code == 413


def test_the_daily_allowance_is_refused_with_a_sentence(signed_in: Client, settings: Any) -> None:
    settings.IMAGES_PER_DAY = 1
    send(signed_in, announce(signed_in))
    refused = announce(signed_in, sha256="")
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "images_per_day"
    # What one has already costs nothing.
    assert announce(signed_in).status_code == 200


def test_deleting_does_not_give_the_daily_allowance_back(signed_in: Client, settings: Any, owner: User) -> None:
    settings.IMAGES_PER_DAY = 1
    announce(signed_in)
    Image.objects.all().delete()
    assert announce(signed_in).status_code == 429
    DailyUploads.objects.update(day=timezone.now().date() - timedelta(days=1))
    assert announce(signed_in).status_code == 201


def test_bytes_announced_count_until_the_file_comes_or_expires(signed_in: Client, settings: Any) -> None:
    settings.BYTES_PER_USER = len(PIXEL) + 10
    announce(signed_in)
    refused = announce(signed_in, sha256="")
    assert refused.json()["error"]["code"] == "bytes_per_user"
    Image.objects.update(created_at=timezone.now() - timedelta(hours=3))
    assert sweep().expired_uploads == 1
    assert StorageDeletion.objects.exists()
    assert announce(signed_in, sha256="").status_code == 201
