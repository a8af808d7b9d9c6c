"""Many uploads at the same moment, over HTTP: allowances hold to the last one, and nothing is there twice."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from portal.accounts.models import User
from portal.images.models import DailyUploads, Image, Status
from tests.conftest import PASSWORD, PIXEL

AT_ONCE = 8
UPLOADS = 24


class Browser:
    """Speaks to the live server as a signed-in person, from any thread."""

    def __init__(self, address: str, client: Client) -> None:
        self.host = urlsplit(address).netloc
        token = client.get("/upload/").cookies["csrftoken"].value
        cookies = {name: morsel.value for name, morsel in client.cookies.items()}
        self.headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
            "X-CSRFToken": token,
        }

    def post(self, path: str, body: bytes, content_type: str) -> tuple[int, Any]:
        link = HTTPConnection(self.host, timeout=60)
        try:
            link.request("POST", path, body, {**self.headers, "Content-Type": content_type})
            response = link.getresponse()
            return response.status, json.loads(response.read())
        finally:
            link.close()

    def announce(self, number: int) -> tuple[int, Any]:
        file = {"filename": f"{number}.jpg", "content_type": "image/jpeg", "size": len(PIXEL)}
        return self.post("/uploads/", json.dumps(file).encode(), "application/json")

    def send(self, started: Any, content: bytes) -> tuple[int, Any]:
        upload = started["upload"]
        fields = {**upload["fields"], upload["file_field"]: SimpleUploadedFile("a.jpg", content)}
        return self.post(upload["url"], encode_multipart(BOUNDARY, fields), MULTIPART_CONTENT)


@pytest.fixture
def uploader(live_server: Any, owner: User) -> Browser:
    client = Client()
    assert client.login(username=owner.username, password=PASSWORD)
    return Browser(live_server.url, client)


def at_once(action: Any, arguments: Any) -> list[tuple[int, Any]]:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(action, arguments))


@pytest.mark.django_db(transaction=True)
def test_exactly_the_daily_allowance_passes(uploader: Browser, settings: Any) -> None:
    settings.IMAGES_PER_DAY = 10
    answers = at_once(uploader.announce, range(UPLOADS))
    assert Counter(status for status, _ in answers) == {201: 10, 429: UPLOADS - 10}
    assert Image.objects.count() == DailyUploads.objects.get().images == 10


@pytest.mark.django_db(transaction=True)
def test_exactly_the_bytes_allowed_pass(uploader: Browser, settings: Any) -> None:
    settings.BYTES_PER_USER = 7 * len(PIXEL) + len(PIXEL) // 2
    answers = at_once(uploader.announce, range(UPLOADS))
    refusals = Counter(answer["error"]["code"] for status, answer in answers if status == 429)
    assert refusals == {"bytes_per_user": UPLOADS - 7}
    assert Image.objects.count() == 7


@pytest.mark.django_db(transaction=True)
def test_one_content_sent_many_times_at_once_is_kept_once(uploader: Browser) -> None:
    forms = [started for _, started in at_once(uploader.announce, range(AT_ONCE))]
    answers = at_once(lambda form: uploader.send(form, PIXEL), forms)
    assert {status for status, _ in answers} == {201}
    assert len({answer["id"] for _, answer in answers}) == 1
    assert Image.objects.get().status == Status.QUEUED
