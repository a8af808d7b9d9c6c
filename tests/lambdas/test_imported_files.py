"""`ingest`: files that an administrator copied into the bucket become images."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from unittest import mock
from urllib.parse import quote_plus

import pytest
from django.core.files.storage import storages
from django.utils import timezone

from portal.accounts.models import User
from portal.images import importing
from portal.images.deletion import delete_images
from portal.images.erasing import erase_due
from portal.images.models import Image, Status
from portal.images.sidecars import Sidecar
from tests.lambdas.test_ingest import _by_lambda, deliver
from tests.portal.test_s3_storage import BUCKETS, keys, s3, s3_address

__all__ = ["_by_lambda", "s3", "s3_address"]

pytestmark = pytest.mark.django_db(transaction=True)


def imported(key: str, bucket: str = BUCKETS["uploads"]) -> str:
    record = {
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key), "size": 1, "eTag": "e"}},
    }
    return json.dumps({"Records": [record]})


def put(s3: Any, key: str, content: bytes = b"a photo") -> str:
    s3.put_object(Bucket=BUCKETS["uploads"], Key=key, Body=content)
    return imported(key)


def test_an_imported_file_becomes_that_persons_image_once(s3: Any, owner: User) -> None:
    told = put(s3, "imports/owner/2019/Käse & Brot (1).jpg")
    assert deliver(told, told) == []
    assert deliver(told) == []
    image = Image.objects.get()
    assert (image.owner, image.filename, image.byte_size) == (owner, "Käse & Brot (1).jpg", len(b"a photo"))
    assert image.status == Status.QUEUED
    assert keys(s3, BUCKETS["uploads"]) == [image.upload_key], "it was moved to where recognition looks"
    sidecar = Sidecar.from_json(storages["derived"].open(f"{image.derived_prefix}/image.json").read())
    assert (sidecar.owner, sidecar.filename) == ("owner", "Käse & Brot (1).jpg")


def test_the_same_name_with_other_content_is_another_image(s3: Any, owner: User) -> None:
    for content in (b"one", b"two"):
        deliver(put(s3, "imports/owner/photo.jpg", content))
    assert Image.objects.count() == 2


def test_an_import_that_broke_off_half_way_is_finished(s3: Any, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    told = put(s3, "imports/owner/photo.jpg")

    def fail(_source: str, _target: str) -> bool:
        raise ConnectionError("S3 is away")

    with monkeypatch.context() as away:
        away.setattr(importing.buckets, "copy_upload", fail)
        assert deliver(told) == [0]
    assert deliver(told) == []
    assert keys(s3, BUCKETS["uploads"]) == [Image.objects.get().upload_key]


def test_an_imported_image_that_was_deleted_stays_so(s3: Any, owner: User) -> None:
    told = put(s3, "imports/owner/photo.jpg")
    deliver(told)
    delete_images(Image.objects.all())
    assert deliver(told) == []
    assert not Image.objects.exists()


def test_an_import_that_was_deleted_can_be_imported_again(s3: Any, owner: User) -> None:
    deliver(put(s3, "imports/owner/photo.jpg"))
    delete_images(Image.objects.all())
    deliver(put(s3, "imports/owner/photo.jpg"))
    image = Image.objects.get()
    with mock.patch("portal.images.erasing.timezone.now", return_value=timezone.now() + timedelta(hours=2)):
        erase_due()
    assert keys(s3, BUCKETS["uploads"]) == [image.upload_key]


@pytest.mark.parametrize(("name", "called"), [("a\x07b\u202e.jpg", "ab.jpg"), ("\x07", "import")])
def test_an_imported_file_has_a_printable_name(s3: Any, owner: User, name: str, called: str) -> None:
    deliver(put(s3, f"imports/owner/{name}"))
    assert Image.objects.get().filename == called


def test_an_import_that_is_too_large_fails_with_a_sentence(s3: Any, owner: User, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 5
    assert deliver(put(s3, "imports/owner/large.jpg")) == []
    image = Image.objects.get()
    assert (image.status, image.failure_code, image.failure_permanent) == (Status.FAILED, "file_too_large", True)
    assert image.failure_message == "This file has 7 bytes; the limit is 5 bytes."


def test_imports_spend_no_allowance(s3: Any, owner: User, settings: Any) -> None:
    settings.IMAGES_PER_DAY, settings.BYTES_PER_USER = 0, 0
    deliver(put(s3, "imports/owner/photo.jpg"))
    assert Image.objects.get().status == Status.QUEUED
    assert not owner.daily_uploads.exists()


@pytest.mark.parametrize(
    "key", ["imports/nobody/photo.jpg", "imports/photo.jpg", "imports/owner/", "imports/owner/2019/"]
)
def test_what_belongs_to_nobody_stays_where_it_is(s3: Any, owner: User, key: str) -> None:
    assert deliver(put(s3, key)) == []
    assert not Image.objects.exists()
    assert keys(s3, BUCKETS["uploads"]) == [key]


def test_an_object_of_another_bucket_is_passed_over(s3: Any, owner: User) -> None:
    put(s3, "imports/owner/photo.jpg")
    assert deliver(imported("imports/owner/photo.jpg", "elsewhere")) == []
    assert not Image.objects.exists()
