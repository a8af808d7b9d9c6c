"""An upload form that is too old when the file is sent: the page gets another, and nobody notices."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, FilePayload, Page, Request, Route, expect

from tests.e2e.conftest import PASSWORD, ROOT, Portal, _wait_until_ready, free_port
from tests.portal.test_s3_storage import BUCKETS, REGION, keys, s3_address

__all__ = ["s3_address"]

pytestmark = pytest.mark.e2e

SECONDS = 1000

# What S3 answers to a form whose policy has expired.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
POLICY_EXPIRED = """<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>AccessDenied</Code><Message>Invalid according to Policy: Policy expired.</Message>
<RequestId>4442587FB7D0A2F9</RequestId><HostId>...</HostId></Error>"""


def photo(name: str = "photo.jpg") -> FilePayload:
    encoded = io.BytesIO()
    Image.new("RGB", (320, 240), (40, 120, 200)).save(encoded, "JPEG")
    return {"name": name, "mimeType": "image/jpeg", "buffer": encoded.getvalue()}


@contextmanager
def serving(folder: Path, workers: int, **changes: str) -> Iterator[Portal]:
    port = free_port()
    environment = {**os.environ, "IMAGESIFT_DATA": str(folder), "LOG_LEVEL": "WARNING", **changes}
    environment.pop("DATABASE_URL", None)
    running = Portal(f"http://localhost:{port}", environment)
    prepared = running.manage("prepare")
    assert prepared.returncode == 0, prepared.stderr
    command = [sys.executable, "manage.py", "serve", "--port", str(port), "--workers", str(workers)]
    server = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        _wait_until_ready(running.url)
        yield running
    finally:
        server.terminate()
        server.wait(timeout=40)


@contextmanager
def signed_up(browser: Browser, portal: Portal, name: str) -> Iterator[Page]:
    context = browser.new_context(base_url=portal.url)
    page = context.new_page()
    page.goto("/accounts/signup/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Email", exact=True).fill(f"{name}@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create my account").click()
    page.wait_for_url("**/history/")
    yield page
    context.close()


def words_shown(page: Page) -> list[str]:
    """Everything that the file's line says from now on, as it changes."""
    said: list[str] = []
    page.expose_function("heard", lambda words: said.append(words))
    page.evaluate(
        """() => new MutationObserver(() => {
            for (const words of document.querySelectorAll(".upload__words")) window.heard(words.textContent);
        }).observe(document.querySelector("[data-rows]"), {subtree: true, childList: true, characterData: true})"""
    )
    return said


def test_on_a_laptop_a_form_that_has_expired_is_renewed_by_the_page(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, 1, UPLOAD_FORM_SECONDS="1") as portal, signed_up(browser, portal, "patient") as page:
        sent: list[Route] = []

        def hold_the_first(route: Route) -> None:
            sent.append(route)
            if len(sent) == 1:
                page.wait_for_timeout(2.5 * SECONDS)
            route.continue_()

        page.route("**/uploads/receive/", hold_the_first)
        page.goto("/upload/")
        said = words_shown(page)
        page.locator("#files").set_input_files([photo()])
        expect(page.locator("[data-summary]")).to_contain_text("1 of 1", timeout=60 * SECONDS)
        statuses = [route.request.response().status for route in sent]  # type: ignore[union-attr]
        # On a busy machine another form may be a second old when it is used.
        assert set(statuses[:-1]) == {403}
        assert statuses[-1] == 201
        assert not [words for words in said if "too long" in words or "Try" in words], said
        page.goto("/history/")
        expect(page.locator("article.photo")).to_have_count(1)


@pytest.fixture
def bucket_portal(s3_address: str, tmp_path: Path) -> Iterator[tuple[Portal, Any]]:
    """A portal whose files go to buckets, and S3 as an administrator sees it."""
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    s3 = boto3.client(
        "s3", endpoint_url=s3_address, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )
    for bucket in BUCKETS.values():
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    changes = {
        **credentials,
        "RECOGNIZED_BY": "lambda",
        "DETECTORS": "rekognition",
        "UPLOADS_BUCKET": BUCKETS["uploads"],
        "DERIVED_BUCKET": BUCKETS["derived"],
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": s3_address,
    }
    try:
        with serving(tmp_path, 0, **changes) as portal:
            rule = {"AllowedOrigins": [portal.url], "AllowedMethods": ["POST"], "AllowedHeaders": ["*"]}
            s3.put_bucket_cors(Bucket=BUCKETS["uploads"], CORSConfiguration={"CORSRules": [rule]})
            yield portal, s3
    finally:
        requests.post(f"{s3_address}/moto-api/reset", timeout=60)


RECOGNIZED = """
from datetime import UTC, datetime
from portal.images.models import Image
from portal.images.recording import record_result
from recognition.result import ImageInfo, Label, Result, Source, Status
image = Image.objects.get()
info = ImageInfo("JPEG", 320, 240, image.byte_size, "a" * 64)
label = Label("Dog", 97.0, "rekognition")
source = Source("uploads", image.upload_key)
record_result(Result(image.pk, source, Status.RECOGNIZED, datetime.now(UTC), image=info, labels=(label,)))
"""

DERIVED_KEYS = """
from portal.images.models import Image
image = Image.objects.get()
print(image.thumbnail_key, image.preview_key)
"""


def test_on_aws_a_form_that_has_expired_is_renewed_and_the_picture_comes_from_the_bucket(
    browser: Browser, bucket_portal: tuple[Portal, Any], s3_address: str
) -> None:
    portal, s3 = bucket_portal
    with signed_up(browser, portal, "bucketeer") as page:
        complaints: list[str] = []

        def note(message: ConsoleMessage) -> None:
            if "Content Security" in message.text:
                complaints.append(message.text)

        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        posted: list[Request] = []

        def expire_the_first(route: Route) -> None:
            if route.request.method != "POST":
                route.continue_()
                return
            posted.append(route.request)
            if len(posted) == 1:
                headers = {"Access-Control-Allow-Origin": portal.url}
                route.fulfill(status=403, content_type="application/xml", body=POLICY_EXPIRED, headers=headers)
            else:
                route.continue_()

        page.route(f"{s3_address}/**", expire_the_first)
        page.goto("/upload/")
        said = words_shown(page)
        file = photo()
        page.locator("#files").set_input_files([file])
        row = page.locator(".upload")
        expect(row.get_by_role("link")).to_have_text("photo.jpg", timeout=30 * SECONDS)
        expect(row.locator(".upload__words")).to_have_text(re.compile("Queued|place"))
        assert len(posted) == 2
        assert not [words for words in said if "too long" in words or "Try" in words], said
        [key] = keys(s3, BUCKETS["uploads"])
        assert s3.get_object(Bucket=BUCKETS["uploads"], Key=key)["Body"].read() == file["buffer"]

        named = portal.manage("shell", "-v", "0", "-c", DERIVED_KEYS)
        assert named.returncode == 0, named.stderr
        # As `recognize` does it: the pictures are there before anybody hears of the result.
        for name in named.stdout.split():
            s3.put_object(Bucket=BUCKETS["derived"], Key=name, Body=file["buffer"])
        recorded = portal.manage("shell", "-v", "0", "-c", RECOGNIZED)
        assert recorded.returncode == 0, recorded.stderr
        expect(row.locator(".upload__words")).to_contain_text("Dog", timeout=30 * SECONDS)
        picture = row.locator("img")
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 320
        assert complaints == []


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("EntityTooLarge", "The file that arrived is larger than the one announced."),
        ("BadDigest", "The file changed on its way to us. Please upload it again."),
        ("InvalidPolicyDocument", "The storage did not take this file (InvalidPolicyDocument)."),
    ],
)
def test_what_s3_says_against_a_file_is_told_in_a_sentence(
    browser: Browser, bucket_portal: tuple[Portal, Any], s3_address: str, code: str, words: str
) -> None:
    portal, _ = bucket_portal
    with signed_up(browser, portal, "refused") as page:
        answer = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
        headers = {"Access-Control-Allow-Origin": portal.url}
        page.route(f"{s3_address}/**", lambda route: route.fulfill(status=400, body=answer, headers=headers))
        page.goto("/upload/")
        page.locator("#files").set_input_files([photo()])
        expect(page.locator(".upload__words")).to_have_text(words, timeout=30 * SECONDS)
        expect(page.get_by_role("button", name="Try again", exact=True)).to_be_visible()


def test_an_upload_rides_out_a_server_that_is_waking_up(browser: Browser, bucket_portal: tuple[Portal, Any]) -> None:
    portal, s3 = bucket_portal
    with signed_up(browser, portal, "early") as page:
        asked: list[str] = []

        def asleep_at_first(route: Route) -> None:
            asked.append(route.request.url)
            if len(asked) > 5:
                route.continue_()
                return
            body = {"error": {"code": "waking_up", "message": "ImageSift is waking up."}}
            route.fulfill(status=503, json=body, headers={"Retry-After": "0.2"})

        page.route("**/uploads/", asleep_at_first)
        page.goto("/upload/")
        said = words_shown(page)
        page.locator("#files").set_input_files([photo()])
        expect(page.locator(".upload").get_by_role("link")).to_be_visible(timeout=30 * SECONDS)
        assert len(asked) == 6
        assert any(words.startswith("ImageSift is waking up.") for words in said)
        assert len(keys(s3, BUCKETS["uploads"])) == 1
