"""From signing up to the labels on the page, through the deployed stack with every role limited to its own policy."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.cloud.fake_rekognition import thing_in
from tests.cloud.people import PASSWORD, Person, confirmation_link
from tests.cloud.pictures import picture
from tests.cloud.stack import Cloud
from tests.e2e.conftest import CHROMIUM, QUIET
from tests.requirements import required

SECONDS = 1000
# S3 has no certificate here; elsewhere Chromium would ask it for one, even on loopback.
_PLAIN_PICTURES = "--disable-features=AutoupgradeMixedContent"


def test_a_person_signs_up_uploads_and_sees_labels_and_boxes(cloud: Cloud) -> None:
    ada = Person(cloud, "ada")
    ada.sign_up()
    image = ada.upload(picture(1001), "lamp.jpg")
    cloud.settle()
    page = ada.open(f"/images/{image}/").text
    assert thing_in(1001) in page
    assert "Number 1001" in page
    (box,) = re.findall(r'<rect class="box__line" x="([\d.]+)%?" y="([\d.]+)%?" width="([\d.]+)%?"', page)
    assert [float(value) for value in box] == [12.5, 25.0, 50.0]
    assert 'class="box box--label' in page
    assert cloud.rekognition.paid == {("DetectLabels", 1001): 1}


def test_pictures_come_straight_from_s3_and_only_to_their_owner(cloud: Cloud) -> None:
    ada, eve = Person(cloud, "ada2"), Person(cloud, "eve2")
    ada.sign_up()
    eve.sign_up()
    image = ada.upload(picture(1002))
    cloud.settle()
    for kind in ("preview", "thumbnail", "original"):
        answer = ada.open(f"/images/{image}/{kind}/")
        assert answer.url.startswith(cloud.aws.endpoint), answer.url
        assert answer.content[:2] == b"\xff\xd8"
        assert eve.get(f"{eve.origin}/images/{image}/{kind}/", timeout=30).status_code == 404
    assert eve.get(f"{eve.origin}/images/{image}/", timeout=30).status_code == 404
    assert ada.open(f"/images/{image}/original/").content == picture(1002)


@pytest.fixture
def browsing(cloud: Cloud) -> Iterator[Page]:
    """A browser for which the portal's name is the HTTP API on loopback."""
    if CHROMIUM is None or shutil.which(CHROMIUM) is None:
        required("chromium", "Chromium is not installed")
    rules = f"--host-resolver-rules=MAP {cloud.api.host}:443 127.0.0.1:{cloud.api.port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, rules, _PLAIN_PICTURES])
        context = browser.new_context(base_url=cloud.outputs["portal_url"], ignore_https_errors=True)
        complaints: list[str] = []
        opened = context.new_page()
        opened.on(
            "console",
            lambda told: complaints.append(f"{told.text} {told.location['url']}") if told.type == "error" else None,
        )
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened
        browser.close()
    assert complaints == [], cloud.functions.failures


def sign_up(page: Page, cloud: Cloud, name: str) -> None:
    page.goto("/accounts/signup/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Email", exact=True).fill(f"{name}@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create my account").click()
    page.wait_for_url("**/confirm-email/")
    cloud.settle()
    page.goto(confirmation_link(cloud, f"{name}@example.org"))
    page.get_by_role("button", name="Confirm").click()
    if "/login/" in page.url:
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/history/")


def test_a_browser_goes_the_whole_way(cloud: Cloud, browsing: Page) -> None:
    page = browsing
    sign_up(page, cloud, "grace")
    page.goto("/upload/")
    photo = {"name": "boat.jpg", "mimeType": "image/jpeg", "buffer": picture(1003, width=800, height=600)}
    page.locator("#files").set_input_files([photo])
    expect(page.locator(".upload").first).to_contain_text(thing_in(1003), timeout=30 * SECONDS)
    page.locator(".upload a").first.click()
    expect(page.get_by_role("main")).to_contain_text(thing_in(1003))
    expect(page.locator(".box--label")).to_have_count(1)
    shown = page.locator(".photo__picture")
    expect(shown).to_have_js_property("complete", True)
    assert shown.evaluate("picture => picture.naturalWidth") > 0
