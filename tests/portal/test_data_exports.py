"""Where an answer cannot hold them: a person's data, and lists of the history, go by way of the bucket."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.leaving import delete_account
from portal.accounts.models import User
from portal.images import exports
from portal.images.erasing import erase_due
from portal.images.exports import build, request_export, tidy_exports
from portal.images.models import DataExport, StorageDeletion
from portal.images.models.exports import KEPT, SILENCE
from tests.conftest import PIXEL, MakeImage
from tests.portal.test_s3_storage import BUCKETS, keys, s3, s3_address

__all__ = ["s3", "s3_address"]

pytestmark = pytest.mark.usefixtures("s3")

DATA = reverse("accounts:download_data")
OVERVIEW = reverse("accounts:overview")


@pytest.fixture(autouse=True)
def _by_lambda(settings: Any) -> None:
    settings.RECOGNIZED_BY = "lambda"


@pytest.fixture
def signed_in(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def erase_all() -> None:
    StorageDeletion.objects.update(not_before=timezone.now())
    erase_due()


def fetched(address: str) -> bytes:
    answer = requests.get(address, timeout=10)
    answer.raise_for_status()
    return answer.content


def asked_for(s3: Any) -> list[str]:
    """The exports that the `manage` Lambda is asked for."""
    names = [key for key in keys(s3, BUCKETS["derived"]) if key.startswith("outbox/exports/")]
    return [json.loads(s3.get_object(Bucket=BUCKETS["derived"], Key=key)["Body"].read())["export_id"] for key in names]


def names_in(client: Client, export: DataExport, number: int) -> list[str]:
    address = client.get(reverse("accounts:exported_data", args=[export.pk, number]))["Location"]
    with zipfile.ZipFile(io.BytesIO(fetched(address))) as packed:
        assert packed.testzip() is None
        return packed.namelist()


# The way of an archive ------------------------------------------------------------------------------------------------


def test_an_archive_is_asked_for_made_and_fetched(
    signed_in: Client, owner: User, stored_image: MakeImage, s3: Any
) -> None:
    stored_image(owner, name="cat.jpg")
    assert signed_in.post(DATA)["Location"] == f"{OVERVIEW}#data"
    export = DataExport.objects.get()
    assert asked_for(s3) == [str(export.pk)]
    assert "Your data is being packed: 0 of 1 image." in signed_in.get(OVERVIEW).content.decode()

    assert build(str(export.pk))
    export.refresh_from_db()
    page = signed_in.get(OVERVIEW).content.decode()
    assert "is ready" in page
    answer = signed_in.get(reverse("accounts:exported_data", args=[export.pk, 1]))
    assert answer.status_code == 302
    assert "no-store" in answer["Cache-Control"]
    content = fetched(answer["Location"])
    assert len(content) == export.byte_size
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        (name,) = [name for name in packed.namelist() if name.endswith("/cat.jpg")]
        assert packed.read(name) == PIXEL
    query = parse_qs(urlsplit(answer["Location"]).query)
    assert query["response-content-disposition"] == [
        f'attachment; filename="imagesift-{export.requested_at:%Y-%m-%d}.zip"'
    ]


def test_the_page_asks_again_while_it_is_packed_and_not_afterwards(signed_in: Client, owner: User) -> None:
    part = {"HTTP_HX_REQUEST": "true"}
    assert 'hx-trigger="every 3s"' in signed_in.post(DATA, **part).content.decode()
    assert 'hx-trigger="every 3s"' in signed_in.get(DATA, **part).content.decode()
    build(DataExport.objects.get().pk)
    assert "hx-trigger" not in signed_in.get(DATA, **part).content.decode()


def test_nobody_else_gets_an_archive(client: Client, owner: User, stranger: User) -> None:
    export = request_export(owner)
    build(export.pk)
    address = reverse("accounts:exported_data", args=[export.pk, 1])
    assert "/login/" in client.get(address)["Location"]
    client.force_login(stranger)
    assert client.get(address).status_code == 404
    assert "is ready" not in client.get(OVERVIEW).content.decode()


def test_one_is_made_at_a_time_for_each_person(owner: User, stranger: User) -> None:
    first = request_export(owner)
    assert request_export(owner) == first
    assert request_export(stranger) != first
    build(first.pk)
    assert request_export(owner) != first


def test_a_newer_archive_takes_the_place_of_the_older(owner: User, s3: Any) -> None:
    first = request_export(owner)
    build(first.pk)
    second = request_export(owner)
    build(second.pk)
    erase_all()
    assert list(DataExport.objects.all()) == [second]
    assert [key for key in keys(s3, BUCKETS["derived"]) if str(first.pk) in key and key.startswith("exports/")] == []


def test_making_one_twice_makes_it_once(owner: User) -> None:
    export = request_export(owner)
    assert build(export.pk)
    assert not build(export.pk)
    assert DataExport.objects.get().files[0]["byte_size"] > 0


def test_while_one_is_at_it_nobody_else_is(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    export = request_export(owner)
    inside: list[bool] = []
    store = exports.store_stream

    def store_meanwhile(*arguments: Any) -> int:
        inside.append(build(export.pk))
        return store(*arguments)

    monkeypatch.setattr(exports, "store_stream", store_meanwhile)
    assert build(export.pk)
    assert inside == [False]


# Large ones -----------------------------------------------------------------------------------------------------------


def test_what_is_too_large_for_one_file_comes_in_parts(
    signed_in: Client, owner: User, stored_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PART_BYTES", 2_000_000)
    for number in range(5):
        stored_image(owner, bytes(1_500_000), f"{number}.jpg")
    export = request_export(owner)
    assert build(export.pk)
    export.refresh_from_db()
    assert len(export.files) == 3
    found = [name[-5:] for number in (1, 2, 3) for name in names_in(signed_in, export, number) if name[-4:] == ".jpg"]
    assert sorted(found) == [f"{number}.jpg" for number in range(5)]
    assert "Part 3" in signed_in.get(OVERVIEW).content.decode()
    for number in (0, 4):
        address = reverse("accounts:exported_data", args=[export.pk, number])
        assert signed_in.get(address).status_code == 404


def test_what_is_not_done_in_time_goes_on_in_another_run(
    signed_in: Client, owner: User, stored_image: MakeImage, s3: Any
) -> None:
    for number in range(3):
        stored_image(owner, PIXEL + bytes([number]), f"{number}.jpg")
    export = request_export(owner)
    s3.delete_object(Bucket=BUCKETS["derived"], Key=f"outbox/exports/{export.pk}.json")
    assert not build(export.pk, seconds=0)
    assert asked_for(s3) == [str(export.pk)]
    assert not build(export.pk, seconds=0)
    assert build(export.pk, seconds=60)
    export.refresh_from_db()
    assert (len(export.files), export.images_done) == (3, 3)
    assert sum(name[-4:] == ".jpg" for n in (1, 2, 3) for name in names_in(signed_in, export, n)) == 3


# What goes wrong ------------------------------------------------------------------------------------------------------


def test_a_failure_is_told_and_can_be_tried_again(
    signed_in: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> int:
        raise OSError("S3 is away")

    export = request_export(owner)
    with monkeypatch.context() as patched:
        patched.setattr(exports, "store_stream", broken)
        assert not build(export.pk)
    page = signed_in.get(OVERVIEW).content.decode()
    assert "Something went wrong on our side while your data was being packed." in page
    assert "Try again" in page
    assert "S3 is away" not in page
    signed_in.post(DATA)
    assert build(DataExport.objects.get().pk)


def test_one_whose_maker_died_is_given_up_and_can_be_asked_for_again(signed_in: Client, owner: User) -> None:
    export = request_export(owner)
    DataExport.objects.update(beat_at=timezone.now() - SILENCE - timedelta(seconds=1))
    assert "stopped half-way" in signed_in.get(OVERVIEW).content.decode()
    assert request_export(owner) != export


def test_the_sweep_gives_up_what_nobody_works_at(owner: User) -> None:
    request_export(owner)
    DataExport.objects.update(beat_at=timezone.now() - SILENCE - timedelta(seconds=1))
    tidy_exports()
    assert DataExport.objects.get().error == exports.FAILED


def test_an_archive_is_gone_after_a_week(signed_in: Client, owner: User, s3: Any) -> None:
    export = request_export(owner)
    build(export.pk)
    DataExport.objects.update(finished_at=timezone.now() - KEPT)
    assert signed_in.get(reverse("accounts:exported_data", args=[export.pk, 1])).status_code == 404
    assert "is ready" not in signed_in.get(OVERVIEW).content.decode()
    assert tidy_exports() == 1
    erase_all()
    assert [key for key in keys(s3, BUCKETS["derived"]) if key.startswith("exports/")] == []


def test_an_account_takes_its_archives_along_even_one_that_is_being_made(
    owner: User, stored_image: MakeImage, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored_image(owner)
    build(request_export(owner).pk)
    export = request_export(owner)
    store = exports.store_stream

    def stored_as_they_leave(*arguments: Any) -> int:
        size = store(*arguments)
        delete_account(owner)
        return size

    monkeypatch.setattr(exports, "store_stream", stored_as_they_leave)
    assert not build(export.pk)
    erase_all()
    assert [key for key in keys(s3, BUCKETS["derived"]) if key.startswith("exports/")] == []


# Lists of the history -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_list_of_the_history_is_fetched_from_the_bucket(
    signed_in: Client, owner: User, recognized_image: MakeImage, s3: Any, kind: str
) -> None:
    image = recognized_image(owner, name="cat.jpg")
    answer = signed_in.post(reverse("images:selection"), {"action": f"export-{kind}", "ids": str(image.pk)})
    assert answer.status_code == 302
    assert b"cat.jpg" in fetched(answer["Location"])
    erase_all()
    assert [key for key in keys(s3, BUCKETS["derived"]) if key.startswith("exports/")] == []


def test_a_list_that_takes_too_long_is_refused_with_a_sentence(
    signed_in: Client, owner: User, recognized_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "LIST_SECONDS", -1.0)
    image = recognized_image(owner)
    answer = signed_in.post(reverse("images:selection"), {"action": "export-csv", "ids": str(image.pk)}, follow=True)
    assert "These are too many images for one list" in answer.content.decode()
