"""Where files go straight to S3: the form bounds what may be sent, is renewed, and its end is noticed in every way."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import Image, Status
from portal.images.recording import record_result
from portal.images.sidecars import Sidecar
from portal.images.sweeping import sweep
from portal.s3_settings import private_storage
from tests.conftest import PIXEL, make_result
from tests.portal.test_s3_storage import BUCKETS, keys, s3, s3_address
from tests.portal.test_uploads import SHA256, announce

__all__ = ["s3", "s3_address"]

pytestmark = pytest.mark.django_db(transaction=True)

GONE = "image_gone"


@pytest.fixture(autouse=True)
def _by_lambda(s3: Any, settings: Any) -> None:
    settings.RECOGNIZED_BY = "lambda"


@pytest.fixture
def signed_in(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def policy_of(form: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(base64.b64decode(form["fields"]["policy"]))
    return document


def post_to_s3(form: dict[str, Any], content: bytes = PIXEL) -> requests.Response:
    return requests.post(form["url"], data=form["fields"], files={form["file_field"]: ("cat.jpg", content)}, timeout=10)


def renewed(client: Client, image: Image | str, **body: str) -> Any:
    address = reverse("images:renew_upload", args=[image if isinstance(image, str) else image.pk])
    return client.post(address, json.dumps(body), content_type="application/json")


def said(client: Client, image: Image) -> Any:
    return client.post(reverse("images:upload_arrived", args=[image.pk]), "{}", content_type="application/json")


def test_the_policy_bounds_key_size_type_and_content_to_exactly_this_file(signed_in: Client) -> None:
    started = announce(signed_in).json()
    image = Image.objects.get()
    form = started["upload"]
    policy = policy_of(form)
    conditions = policy["conditions"]
    assert ["content-length-range", len(PIXEL), len(PIXEL)] in conditions
    assert {"key": image.upload_key} in conditions
    assert {"bucket": BUCKETS["uploads"]} in conditions
    assert {"Content-Type": "application/octet-stream"} in conditions
    assert {"x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(SHA256)).decode()} in conditions
    assert {"x-amz-checksum-algorithm": "SHA256"} in conditions
    # Nothing is left open: every condition names one value, and every field is bound by one.
    bound = {name for condition in conditions if isinstance(condition, dict) for name in condition}
    assert set(form["fields"]) <= bound | {"policy", "x-amz-signature"}
    assert not [condition for condition in conditions if isinstance(condition, list) and condition[0] == "starts-with"]


def test_the_form_expires_when_it_says(signed_in: Client, settings: Any) -> None:
    settings.UPLOAD_FORM_SECONDS = 120
    form = announce(signed_in).json()["upload"]
    expires = datetime.strptime(policy_of(form)["expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(expires - datetime.fromisoformat(form["expires_at"])) < timedelta(seconds=5)
    assert abs(expires - timezone.now() - timedelta(seconds=120)) < timedelta(seconds=10)


def test_on_amazon_itself_the_address_names_bucket_and_region(settings: Any, signed_in: Client) -> None:
    """So that a new bucket needs no redirect, which a browser's upload would not follow."""
    storage = private_storage("imagesift-uploads", "eu-west-1", "", Path("unused"))
    settings.STORAGES = {**settings.STORAGES, "uploads": storage}
    form = announce(signed_in).json()["upload"]
    assert form["url"] == "https://imagesift-uploads.s3.eu-west-1.amazonaws.com/"


def test_a_file_goes_to_s3_and_its_arrival_is_said_as_often_as_one_likes(s3: Any, signed_in: Client) -> None:
    started = announce(signed_in).json()
    assert post_to_s3(started["upload"]).status_code == 204
    image = Image.objects.get()
    assert keys(s3, BUCKETS["uploads"]) == [image.upload_key]
    for _ in range(2):
        answer = said(signed_in, image)
        assert (answer.status_code, answer.json()["status"]) == (200, Status.QUEUED)
    image.refresh_from_db()
    assert image.queued_at is not None


def test_what_s3_has_checked_is_the_contents_hash(s3: Any, signed_in: Client) -> None:
    announce(signed_in)
    image = Image.objects.get()
    s3.put_object(Bucket=BUCKETS["uploads"], Key=image.upload_key, Body=PIXEL, ChecksumAlgorithm="SHA256")
    said(signed_in, image)
    image.refresh_from_db()
    assert image.sha256 == SHA256


def test_the_same_content_uploaded_twice_at_once_is_kept_once(s3: Any, signed_in: Client) -> None:
    announce(signed_in), announce(signed_in)
    first, second = Image.objects.order_by("created_at")
    for image in (first, second):
        s3.put_object(Bucket=BUCKETS["uploads"], Key=image.upload_key, Body=PIXEL, ChecksumAlgorithm="SHA256")
    assert said(signed_in, first).json()["duplicate"] is False
    answer = said(signed_in, second).json()
    assert (answer["duplicate"], answer["id"]) == (True, str(first.pk))
    assert list(Image.objects.all()) == [first]
    assert keys(s3, BUCKETS["uploads"]) == [first.upload_key]


def test_an_arrival_without_a_file_is_refused(signed_in: Client) -> None:
    announce(signed_in)
    image = Image.objects.get()
    answer = said(signed_in, image)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "file_missing")
    image.refresh_from_db()
    assert image.status == Status.AWAITING_UPLOAD


def test_a_result_that_is_faster_than_the_word_of_the_arrival_settles_the_image(s3: Any, signed_in: Client) -> None:
    form = announce(signed_in).json()["upload"]
    post_to_s3(form)
    image = Image.objects.get()
    image.sha256 = hashlib.sha256(PIXEL).hexdigest()
    record_result(make_result(image))
    image.refresh_from_db()
    assert (image.status, image.sha256) == (Status.RECOGNIZED, SHA256)
    assert said(signed_in, image).json()["status"] == Status.RECOGNIZED
    image.refresh_from_db()
    assert image.status == Status.RECOGNIZED


def test_an_expired_form_is_renewed_for_the_same_place(signed_in: Client) -> None:
    started = announce(signed_in).json()
    image = Image.objects.get()
    again = renewed(signed_in, image, sha256=SHA256)
    assert again.status_code == 200
    form = again.json()["upload"]
    assert form["fields"]["key"] == started["upload"]["fields"]["key"]
    assert form["fields"]["x-amz-checksum-sha256"] == started["upload"]["fields"]["x-amz-checksum-sha256"]
    assert post_to_s3(form).status_code == 204
    assert Image.objects.count() == 1


def test_nothing_is_renewed_for_a_file_that_has_arrived(signed_in: Client) -> None:
    post_to_s3(announce(signed_in).json()["upload"])
    image = Image.objects.get()
    said(signed_in, image)
    answer = renewed(signed_in, image).json()
    assert answer["status"] == Status.QUEUED
    assert "upload" not in answer


@pytest.mark.parametrize("sha256", ["nonsense", "A" * 64])
def test_a_hash_that_is_none_is_refused(signed_in: Client, sha256: str) -> None:
    announce(signed_in)
    answer = renewed(signed_in, Image.objects.get(), sha256=sha256)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_sha256")


@pytest.mark.parametrize("ask", [renewed, said])
def test_somebody_elses_upload_is_not_there(signed_in: Client, stranger: User, ask: Callable[..., Any]) -> None:
    announce(signed_in)
    image = Image.objects.get()
    other = Client()
    assert ask(other, image).json()["error"]["code"] == "signed_out"
    other.force_login(stranger)
    answer = ask(other, image)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, GONE)
    image.pk = uuid4()
    assert ask(signed_in, image).json() == answer.json()


def test_what_only_the_portal_knows_is_written_beside_the_image(s3: Any, signed_in: Client) -> None:
    announce(signed_in, filename="Käse.jpg")
    image = Image.objects.get()
    written = s3.get_object(Bucket=BUCKETS["derived"], Key=f"{image.derived_prefix}/image.json")["Body"].read()
    sidecar = Sidecar.from_json(written)
    assert (sidecar.image_id, sidecar.owner, sidecar.filename) == (image.pk, "owner", "Käse.jpg")
    assert (sidecar.byte_size, sidecar.created_at) == (len(PIXEL), image.created_at)


def overdue(image: Image) -> None:
    Image.objects.filter(pk=image.pk).update(created_at=timezone.now() - timedelta(hours=3))


def test_the_sweep_queues_a_file_whose_arrival_nobody_told(s3: Any, signed_in: Client) -> None:
    post_to_s3(announce(signed_in).json()["upload"])
    image = Image.objects.get()
    assert sweep().arrived_uploads == 0
    overdue(image)
    swept = sweep()
    assert (swept.arrived_uploads, swept.expired_uploads) == (1, 0)
    image.refresh_from_db()
    assert image.status == Status.QUEUED


def test_the_sweep_gives_up_a_place_whose_file_never_came(s3: Any, signed_in: Client) -> None:
    announce(signed_in)
    overdue(Image.objects.get())
    assert sweep().expired_uploads == 1
    assert not Image.objects.exists()
    assert not [key for key in keys(s3, BUCKETS["derived"]) if key.startswith("derived/")]


def test_a_place_whose_form_was_renewed_is_kept_until_that_one_is_over(signed_in: Client) -> None:
    announce(signed_in)
    image = Image.objects.get()
    overdue(image)
    renewed(signed_in, image)
    assert sweep().expired_uploads == 0
    Image.objects.update(not_before=timezone.now() - timedelta(minutes=11))
    assert sweep().expired_uploads == 1
