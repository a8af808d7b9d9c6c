"""Where browsers get files from the bucket: the portal says where, to their owner alone, and for a while."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.images.models import Image, Status
from portal.images.serving import ADDRESS_SECONDS, REMEMBERED_SECONDS
from tests.conftest import PIXEL, MakeImage
from tests.portal.test_s3_storage import BUCKETS, s3, s3_address

__all__ = ["s3", "s3_address"]

pytestmark = pytest.mark.django_db

FILES = ("original", "preview", "thumbnail")


@pytest.fixture(autouse=True)
def _by_lambda(s3: Any, settings: Any) -> None:
    settings.RECOGNIZED_BY = "lambda"


@pytest.fixture
def signed_in(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def image(owner: User, recognized_image: MakeImage) -> Image:
    return recognized_image(owner, "Käse.jpg", PIXEL)


def ask(client: Client, name: str, image: Image, method: str = "get") -> Any:
    return getattr(client, method)(reverse(f"images:{name}", args=[image.pk]))


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_a_step_away_and_comes_as_what_it_is(signed_in: Client, image: Image, name: str) -> None:
    answer = ask(signed_in, name, image)
    assert answer.status_code == 302
    file = requests.get(answer["Location"], timeout=10)
    assert (file.status_code, file.content) == (200, PIXEL)
    assert file.headers["Content-Type"] == "image/jpeg"


def test_the_original_downloads_under_its_own_name(signed_in: Client, image: Image) -> None:
    file = requests.get(ask(signed_in, "original", image)["Location"], timeout=10)
    assert file.headers["Content-Disposition"] == "attachment; filename*=utf-8''K%C3%A4se.jpg"


def test_the_address_is_forgotten_before_it_expires(signed_in: Client, image: Image) -> None:
    answer = ask(signed_in, "preview", image)
    [seconds] = parse_qs(urlsplit(answer["Location"]).query)["X-Amz-Expires"]
    [remembered] = re.findall(r"^private, max-age=(\d+)$", answer["Cache-Control"])
    assert int(seconds) == ADDRESS_SECONDS
    assert int(remembered) == REMEMBERED_SECONDS < ADDRESS_SECONDS
    assert "Cookie" in answer["Vary"]


def test_asking_again_gives_another_address(signed_in: Client, image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that has expired is renewed by the page's own, which never changes."""
    moments = iter(("20260101T000000Z", "20260101T010000Z"))
    monkeypatch.setattr("botocore.auth.SigV4QueryAuth.add_auth", _signed_at(moments))
    first, second = (ask(signed_in, "preview", image)["Location"] for _ in range(2))
    assert "X-Amz-Date=20260101T000000Z" in first
    assert "X-Amz-Date=20260101T010000Z" in second


def _signed_at(moments: Any) -> Any:
    from botocore.auth import SigV4QueryAuth

    sign = SigV4QueryAuth.add_auth

    def add_auth(self: Any, request: Any) -> None:
        sign(self, request)
        moment = next(moments)
        request.url = re.sub(r"X-Amz-Date=\w+", f"X-Amz-Date={moment}", request.url)

    return add_auth


def test_only_the_head_can_be_asked_for(signed_in: Client, image: Image) -> None:
    head = requests.head(ask(signed_in, "preview", image, "head")["Location"], timeout=10)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("name", FILES)
def test_nobody_else_is_told_where(image: Image, stranger: User, name: str) -> None:
    other = Client()
    assert "/accounts/login/" in ask(other, name, image)["Location"]
    other.force_login(stranger)
    assert ask(other, name, image).status_code == 404


def test_what_is_not_made_yet_is_not_found(signed_in: Client, owner: User, stored_image: MakeImage) -> None:
    waiting = stored_image(owner, b"waiting", status=Status.QUEUED)
    assert ask(signed_in, "preview", waiting).status_code == 404
    assert ask(signed_in, "thumbnail", waiting).status_code == 404
    assert ask(signed_in, "original", waiting).status_code == 302
    Image.objects.update(status=Status.AWAITING_UPLOAD)
    assert ask(signed_in, "original", waiting).status_code == 404


def test_the_address_signs_for_one_object_alone(signed_in: Client, image: Image) -> None:
    storages["derived"].save(f"{image.derived_prefix}/image.json", ContentFile(b"{}"))
    address = urlsplit(ask(signed_in, "preview", image)["Location"])
    assert address.path == f"/{BUCKETS['derived']}/{image.preview_key}"
    assert parse_qs(address.query)["X-Amz-SignedHeaders"] == ["host"]
