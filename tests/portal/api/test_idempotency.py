"""A request that is sent twice because its answer was lost starts one upload."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from portal.accounts.models import User
from portal.api.idempotency import Repeatable
from portal.api.kept_uploads import KeptUpload
from portal.api.models import Scope
from portal.api.problems import Problem
from portal.api.tokens import make_token
from portal.images.models import DailyUploads, Image, Status
from portal.images.uploads import Announcement
from tests.portal.api.conftest import ApiOf, problem

FILE = {"filename": "cat.jpg", "content_type": "image/jpeg", "size": 120}


def announce(api: Client, key: str, **changes: Any) -> Any:
    file = {**FILE, **changes}
    return api.post("/api/v1/images", file, content_type="application/json", headers={"Idempotency-Key": key})


def test_the_same_request_with_the_same_key_starts_one_upload(api: Client) -> None:
    first, again = announce(api, "k"), announce(api, "k")
    assert first.status_code == again.status_code == 201
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["upload"]["url"] == first.json()["upload"]["url"]
    assert Image.objects.count() == DailyUploads.objects.get().images == 1


def test_the_order_of_the_fields_does_not_matter(api: Client) -> None:
    turned = json.dumps(dict(reversed(FILE.items())), indent=4)
    first = announce(api, "k")
    again = api.post("/api/v1/images", turned, content_type="application/json", headers={"Idempotency-Key": "k"})
    assert again.json()["id"] == first.json()["id"]


def test_once_the_file_has_come_the_answer_says_so(api: Client) -> None:
    first = announce(api, "k").json()
    Image.objects.update(status=Status.QUEUED)
    again = announce(api, "k")
    assert again.status_code == 201
    assert again.json() == {"id": first["id"], "status": "queued", "upload": None}


def test_another_request_with_the_same_key_is_refused(api: Client) -> None:
    announce(api, "k")
    assert problem(announce(api, "k", size=121)) == (422, "idempotency_mismatch")
    batch = {"images": [FILE]}
    headers = {"Idempotency-Key": "k"}
    elsewhere = api.post("/api/v1/images/batch", batch, content_type="application/json", headers=headers)
    assert problem(elsewhere) == (422, "idempotency_mismatch")
    assert Image.objects.count() == 1


def test_a_key_that_was_taken_in_between_is_refused_as_well(owner: User) -> None:
    request = RequestFactory().post("/api/v1/images", headers={"Idempotency-Key": "k"})
    first = Repeatable.of(request, owner, FILE)
    second = Repeatable.of(request, owner, {**FILE, "size": 121})
    first.start(Announcement.from_json(FILE))
    with pytest.raises(Problem) as refused:
        second.start(Announcement.from_json({**FILE, "size": 121}))
    assert refused.value.code == "idempotency_mismatch"
    assert Image.objects.count() == 1


def test_another_key_or_none_starts_another_upload(api: Client) -> None:
    announce(api, "k")
    assert announce(api, "l").status_code == 201
    api.post("/api/v1/images", FILE, content_type="application/json")
    api.post("/api/v1/images", FILE, content_type="application/json")
    assert Image.objects.count() == 4


def test_keys_are_each_person_s_own(api: Client, api_of: ApiOf, stranger: User) -> None:
    assert announce(api, "k").json()["id"] != announce(api_of(stranger), "k", size=7).json()["id"]


def test_all_tokens_of_a_person_share_their_keys(api: Client, api_of: ApiOf, owner: User) -> None:
    assert announce(api, "k").json()["id"] == announce(api_of(owner), "k").json()["id"]


def test_a_refusal_is_not_kept(api: Client, settings: Any) -> None:
    settings.IMAGES_PER_DAY = 0
    assert problem(announce(api, "k")) == (429, "images_per_day")
    settings.IMAGES_PER_DAY = 1
    assert announce(api, "k").status_code == 201


def test_keys_are_forgotten_after_a_day(api: Client) -> None:
    announce(api, "k")
    KeptUpload.objects.update(created_at=timezone.now() - timedelta(hours=23, minutes=59))
    assert problem(announce(api, "k", size=121)) == (422, "idempotency_mismatch")
    KeptUpload.objects.update(created_at=timezone.now() - timedelta(hours=24, minutes=1))
    assert announce(api, "k", size=121).status_code == 201
    assert KeptUpload.objects.count() == 1


def test_a_deleted_image_is_forgotten_with_its_key(api: Client) -> None:
    first = announce(api, "k").json()
    assert api.delete(f"/api/v1/images/{first['id']}").status_code == 204
    assert announce(api, "k").json()["id"] != first["id"]


@pytest.mark.parametrize("key", ["x" * 256, "a\tb", "schl\u00fcssel", " ", ""])
def test_a_key_is_printable_and_not_too_long(api: Client, key: str) -> None:
    refused = announce(api, key)
    assert problem(refused) == (400, "invalid_request")
    assert refused.json()["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_wins_and_the_other_hears_the_same(live_server: Any, owner: User) -> None:
    token = make_token(owner, "test", [Scope.IMAGES_WRITE], None)[1]

    def post(number: int) -> tuple[int, str]:
        link = HTTPConnection(urlsplit(live_server.url).netloc, timeout=60)
        try:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            body = json.dumps(FILE).encode()
            link.request("POST", "/api/v1/images", body, {**headers, "Idempotency-Key": f"k{number % 3}"})
            response = link.getresponse()
            return response.status, json.loads(response.read())["id"]
        finally:
            link.close()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(post, range(24)))
    assert {status for status, _ in answers} == {201}
    for key in range(3):
        assert len({image_id for _, image_id in answers[key::3]}) == 1
    assert Image.objects.count() == DailyUploads.objects.get().images == 3
