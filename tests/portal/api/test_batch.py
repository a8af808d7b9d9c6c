"""Announcing many files at once: each is answered for itself."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.images.models import Image
from tests.conftest import PIXEL, MakeImage
from tests.portal.api.conftest import problem

FILE = {"filename": "cat.jpg", "content_type": "image/jpeg", "size": len(PIXEL)}


def announce(api: Client, files: Any, **headers: str) -> Any:
    return api.post("/api/v1/images/batch", {"images": files}, content_type="application/json", headers=headers)


def test_a_hundred_files_are_announced_at_once(api: Client) -> None:
    answer = announce(api, [{**FILE, "filename": f"{number}.jpg"} for number in range(100)])
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [entry["status_code"] for entry in results] == [201] * 100
    assert [Image.objects.get(pk=entry["id"]).filename for entry in results] == [f"{n}.jpg" for n in range(100)]
    assert all(entry["upload"]["url"].startswith("http://testserver/") for entry in results)


def test_a_refused_file_does_not_hold_up_the_others(
    api: Client, owner: User, recognized_image: MakeImage, settings: Any
) -> None:
    settings.IMAGES_PER_DAY = 1
    known = recognized_image(owner, content=PIXEL)
    sha256 = hashlib.sha256(PIXEL).hexdigest()
    answer = announce(api, [{**FILE, "size": 0}, FILE, 7, {**FILE, "sha256": sha256}, FILE])
    assert answer.status_code == 200
    empty, started, nonsense, duplicate, too_many = answer.json()["results"]
    assert (empty["status_code"], empty["problem"]["code"]) == (400, "empty_file")
    assert started["status_code"] == 201
    assert (nonsense["status_code"], nonsense["problem"]["code"]) == (400, "invalid_request")
    assert (duplicate["status_code"], duplicate["id"], duplicate["duplicate"]) == (200, str(known.pk), True)
    assert duplicate["labels"][0]["name"] == "Dog"
    assert (too_many["status_code"], too_many["problem"]["status"]) == (429, 429)
    assert too_many["problem"]["code"] == "images_per_day"


@pytest.mark.parametrize("files", [[], [FILE] * 101, FILE, None, "x"])
def test_a_batch_has_1_to_100_files(api: Client, files: Any) -> None:
    refused = announce(api, files)
    assert problem(refused) == (400, "invalid_request")
    assert refused.json()["errors"][0]["field"] == "images"
    assert not Image.objects.exists()


def test_a_repeated_batch_goes_on_where_it_was_cut_off(api: Client, settings: Any) -> None:
    settings.IMAGES_PER_DAY = 2
    files = [{**FILE, "filename": f"{number}.jpg"} for number in range(3)]
    first = announce(api, files, **{"Idempotency-Key": "k"}).json()["results"]
    assert [entry["status_code"] for entry in first] == [201, 201, 429]
    settings.IMAGES_PER_DAY = 10
    again = announce(api, files, **{"Idempotency-Key": "k"}).json()["results"]
    assert [entry["status_code"] for entry in again] == [201, 201, 201]
    assert [entry["id"] for entry in again[:2]] == [entry["id"] for entry in first[:2]]
    assert Image.objects.count() == 3
