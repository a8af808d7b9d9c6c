"""The way of an image with both storages on S3: a server that imitates it, reached over HTTP."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from moto.server import ThreadedMotoServer
from PIL import Image as PILImage

from portal.accounts.leaving import delete_account
from portal.accounts.models import User
from portal.images.erasing import erase_due
from portal.images.models import Image, Status, StorageDeletion, WorkerHeartbeat
from portal.images.tasks import recognize_image
from portal.s3_settings import private_storage
from tests.portal.test_uploads import announce, send

BUCKETS = {"uploads": "imagesift-uploads", "derived": "imagesift-derived"}
REGION = "eu-west-1"


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_address: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an S3 with the two empty buckets, which the portal's storages use."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = boto3.client("s3", endpoint_url=s3_address, region_name=REGION)
    made: dict[str, Any] = {}
    for alias, bucket in BUCKETS.items():
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        storage = settings_for(bucket)
        made[alias] = {**storage, "OPTIONS": {**storage["OPTIONS"], "endpoint_url": s3_address, "region_name": REGION}}
    settings.STORAGES = {**settings.STORAGES, **made}
    settings.DETECTORS = ("properties",)
    yield client
    for bucket in BUCKETS.values():
        empty(client, bucket)
        client.delete_bucket(Bucket=bucket)


def settings_for(bucket: str) -> dict[str, Any]:
    """The storage that the settings make of a named bucket."""
    return private_storage(bucket, REGION, "", Path("unused"))


def keys(client: Any, bucket: str) -> list[str]:
    return [item["Key"] for item in client.list_objects_v2(Bucket=bucket).get("Contents", [])]


def empty(client: Any, bucket: str) -> None:
    for key in keys(client, bucket):
        client.delete_object(Bucket=bucket, Key=key)


def photo(shade: int = 90) -> bytes:
    encoded = io.BytesIO()
    PILImage.new("RGB", (320, 240), (shade, 120, 200)).save(encoded, "JPEG")
    return encoded.getvalue()


def upload(client: Client, content: bytes) -> Image:
    started = announce(client, size=len(content), sha256=hashlib.sha256(content).hexdigest())
    sent = send(client, started, content)
    assert sent.status_code == 201
    return Image.objects.get(pk=sent.json()["id"])


@pytest.fixture
def signed_in(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def test_an_image_goes_all_the_way_from_upload_to_nothing_left(s3: Any, signed_in: Client) -> None:
    content = photo()
    image = upload(signed_in, content)
    assert keys(s3, BUCKETS["uploads"]) == [image.upload_key]
    recognize_image.call(str(image.pk))
    image.refresh_from_db()
    assert image.status == Status.RECOGNIZED
    assert {image.preview_key, image.thumbnail_key} < set(keys(s3, BUCKETS["derived"]))
    original = signed_in.get(reverse("images:original", args=[image.pk]))
    assert b"".join(original) == content
    assert original["Content-Disposition"] == 'attachment; filename="cat.jpg"'
    assert original["Content-Length"] == str(len(content))
    preview = signed_in.get(reverse("images:preview", args=[image.pk]))
    assert preview["Content-Type"] == "image/jpeg"
    assert b"".join(preview).startswith(b"\xff\xd8")
    signed_in.post(reverse("images:delete", args=[image.pk]))
    erase_due()
    assert keys(s3, BUCKETS["uploads"]) == keys(s3, BUCKETS["derived"]) == []
    assert not StorageDeletion.objects.exists()


def test_only_the_deleted_image_goes(s3: Any, signed_in: Client) -> None:
    gone, kept = upload(signed_in, photo(10)), upload(signed_in, photo(200))
    signed_in.post(reverse("images:delete", args=[gone.pk]))
    erase_due()
    assert keys(s3, BUCKETS["uploads"]) == [kept.upload_key]


def test_a_file_that_is_not_in_the_bucket_fails_with_a_sentence_and_is_not_found(s3: Any, signed_in: Client) -> None:
    image = upload(signed_in, photo())
    empty(s3, BUCKETS["uploads"])
    assert signed_in.get(reverse("images:original", args=[image.pk])).status_code == 404
    recognize_image.call(str(image.pk))
    image.refresh_from_db()
    assert (image.status, image.failure_code) == (Status.FAILED, "file_missing")


def test_leaving_empties_the_persons_folders_and_nobody_elses(
    s3: Any, signed_in: Client, owner: User, stranger: User
) -> None:
    recognize_image.call(str(upload(signed_in, photo()).pk))
    s3.put_object(Bucket=BUCKETS["uploads"], Key=f"uploads/{owner.pk}/left-behind", Body=b"x")
    other = Client()
    other.force_login(stranger)
    theirs = upload(other, photo())
    receipt = delete_account(owner)
    erase_due()
    assert keys(s3, BUCKETS["uploads"]) == [theirs.upload_key]
    assert keys(s3, BUCKETS["derived"]) == [f"{theirs.derived_prefix}/image.json"]
    assert not receipt.pending.exists()


def test_taking_along_reads_the_originals_from_the_bucket(s3: Any, signed_in: Client) -> None:
    content = photo()
    upload(signed_in, content)
    archive = b"".join(signed_in.get(reverse("accounts:download_data")).streaming_content)
    assert content in archive


def test_not_ready_without_the_bucket(s3: Any, client: Client, db: None) -> None:
    WorkerHeartbeat.objects.create(worker_id="laptop-1", pid=1, beat_at=timezone.now())
    assert client.get("/readyz").status_code == 200
    s3.delete_bucket(Bucket=BUCKETS["derived"])
    try:
        response = client.get("/readyz")
    finally:
        s3.create_bucket(Bucket=BUCKETS["derived"], CreateBucketConfiguration={"LocationConstraint": REGION})
    assert response.json()["storage"] == "derived does not answer"


def test_the_files_kind_is_not_what_the_uploader_says(s3: Any, signed_in: Client) -> None:
    content = photo()
    started = announce(signed_in, sha256="", size=len(content)).json()["upload"]
    file = SimpleUploadedFile("cat.jpg", content, content_type="text/html")
    sent = signed_in.post(started["url"], {**started["fields"], "file": file})
    assert sent.status_code == 201
    [key] = keys(s3, BUCKETS["uploads"])
    kind = s3.head_object(Bucket=BUCKETS["uploads"], Key=key)["ContentType"]
    assert kind == "application/octet-stream"
