"""What a person does, in a real browser against the whole product: sign up, upload, look, find, delete."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from django.urls import URLPattern
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import FilePayload, Page, Route, expect
from skimage import data

from portal.images import urls as image_urls
from tests.e2e.conftest import Portal, SignUp
from tests.hostile import hostile_files

pytestmark = pytest.mark.e2e

SECONDS = 1000
# Where the astronaut's face is, in pixels of her 512 x 512 photo.
FACE = (170, 60, 280, 180)


def as_file(name: str, picture: Image.Image) -> FilePayload:
    encoded = io.BytesIO()
    picture.save(encoded, "PNG" if name.endswith("png") else "JPEG")
    return {
        "name": name,
        "mimeType": "image/png" if name.endswith("png") else "image/jpeg",
        "buffer": encoded.getvalue(),
    }


def astronaut() -> FilePayload:
    return as_file("astronaut.jpg", Image.fromarray(data.astronaut()))


def sign() -> FilePayload:
    picture = Image.new("RGB", (640, 480), "#b01020")
    font = ImageFont.load_default(size=120)
    ImageDraw.Draw(picture).text((140, 160), "STOP", fill="white", font=font)
    return as_file("sign.png", picture)


def coffee() -> FilePayload:
    return as_file("coffee.jpg", Image.fromarray(data.coffee()))


def upload(page: Page, *files: FilePayload) -> None:
    page.goto("/upload/")
    page.locator("#files").set_input_files(list(files))


def rows(page: Page) -> Any:
    return page.locator(".upload")


def upload_and_wait(page: Page, *files: FilePayload) -> None:
    upload(page, *files)
    expect(page.locator("[data-summary]")).to_contain_text(f"{len(files)} of {len(files)}", timeout=60 * SECONDS)


def test_from_signing_up_to_deleting(sign_up: SignUp, portal: Portal) -> None:
    page = sign_up("journey")
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    expect(page.get_by_role("main")).to_contain_text("Upload")

    upload(page, astronaut(), sign(), coffee())
    expect(rows(page)).to_have_count(3)
    expect(page.get_by_role("progressbar", name="All files")).to_be_visible()
    expect(page.locator("[data-summary]")).to_contain_text("3 of 3", timeout=60 * SECONDS)
    expect(rows(page).filter(has_text="astronaut.jpg")).to_contain_text("Face")

    rows(page).filter(has_text="astronaut.jpg").get_by_role("link").first.click()
    page.wait_for_url("**/images/*/")
    box_is_around_the_face(page)
    slider_filters_without_a_request(page)
    address = page.url

    page.goto("/history/")
    cards = page.locator("article.photo")
    expect(cards).to_have_count(3)
    page.goto("/history/?label=Face")
    expect(cards).to_have_count(1)
    page.goto("/history/?q=stop")
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text("sign.png")

    page.goto(address)
    stored = files_of(portal, address)
    assert stored
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete for good").click()
    page.wait_for_url("**/history/**")
    expect(cards).to_have_count(2)
    wait_until_gone(portal, address)
    assert problems == []


def box_is_around_the_face(page: Page) -> None:
    overlay = page.locator("svg[data-overlay]")
    face = overlay.locator("g.box", has_text="Face").first
    expect(face).to_be_visible()
    box, picture = face.locator("rect").first.bounding_box(), page.locator("img.photo__picture").bounding_box()
    assert box is not None
    assert picture is not None
    scale = 512 / picture["width"]
    center_x = (box["x"] + box["width"] / 2 - picture["x"]) * scale
    center_y = (box["y"] + box["height"] / 2 - picture["y"]) * scale
    assert FACE[0] < center_x < FACE[2]
    assert FACE[1] < center_y < FACE[3]
    assert 50 < box["width"] * scale < 200


def slider_filters_without_a_request(page: Page) -> None:
    face = page.locator("[data-finding]", has_text="Face").first
    expect(face).to_be_visible()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    slider = page.get_by_role("slider", name="Show from")
    slider.fill("100")
    expect(face).to_be_hidden()
    expect(page.locator("g.box").first).to_be_hidden()
    slider.fill("30")
    expect(face).to_be_visible()
    assert requests == []


def files_of(portal: Portal, address: str) -> list[Path]:
    image_id = address.rstrip("/").rsplit("/", 1)[1]
    return [path for path in Path(portal.environment["IMAGESIFT_DATA"]).rglob("*") if image_id in str(path)]


def wait_until_gone(portal: Portal, address: str) -> None:
    deadline = time.monotonic() + 15
    while files_of(portal, address):
        assert time.monotonic() < deadline, "the files of a deleted image are still there"
        time.sleep(0.2)


def test_the_same_file_is_uploaded_and_recognised_once(sign_up: SignUp) -> None:
    page = sign_up("twice")
    upload_and_wait(page, astronaut())
    upload(page, astronaut())
    expect(rows(page)).to_contain_text(re.compile("already", re.IGNORECASE))
    page.goto("/history/")
    expect(page.locator("article.photo")).to_have_count(1)


def test_nobody_sees_anything_of_somebody_else(sign_up: SignUp) -> None:
    mine = sign_up("mine")
    upload_and_wait(mine, astronaut())
    mine.goto("/history/")
    image_id = mine.locator("article.photo").get_attribute("data-id")
    other = sign_up("other")
    token = next(cookie["value"] for cookie in other.context.cookies() if cookie["name"] == "csrftoken")
    headers = {"X-CSRFToken": token, "Referer": other.url}
    addresses = [address for pattern in image_urls.urlpatterns if (address := for_image(pattern, str(image_id)))]
    assert len(addresses) >= 7
    for address in addresses:
        assert other.request.get(address).status in (404, 405), address
        assert other.request.post(address, headers=headers).status in (404, 405), address
    assert mine.request.get(f"/images/{image_id}/").status == 200
    other.goto("/history/")
    expect(other.locator("article.photo")).to_have_count(0)
    assert str(image_id) not in other.request.get(f"/history/updates/?ids={image_id}&format=json").text()
    exported = {"action": "export-json", "ids": str(image_id)}
    assert str(image_id) not in other.request.post("/history/selection/", form=exported, headers=headers).text()
    other.request.post("/history/selection/", form={"action": "delete", "ids": str(image_id)}, headers=headers)
    assert mine.request.get(f"/images/{image_id}/original/").status == 200


def for_image(pattern: URLPattern, image_id: str) -> str | None:
    route = str(pattern.pattern)
    return "/" + route.replace("<uuid:image_id>", image_id) if "image_id" in route else None


def test_nobody_sees_anything_without_signing_in(sign_up: SignUp, base_url: str) -> None:
    page = sign_up("signedin")
    upload_and_wait(page, coffee())
    page.goto("/history/")
    image_id = page.locator("article.photo").get_attribute("data-id")
    for pattern in image_urls.urlpatterns:
        address = for_image(pattern, str(image_id))
        if address:
            answer = requests.get(base_url + address, timeout=10)
            assert answer.status_code == 405 or "/accounts/login/" in answer.url, address


def test_every_hostile_file_ends_with_its_own_sentence(sign_up: SignUp) -> None:
    """Whether the browser refuses it or the worker does: nobody waits for ever, and everybody is told why."""
    page = sign_up("hostile")
    files = [
        FilePayload(name=f"{number}-{hostile.filename}", mimeType="", buffer=hostile.content)
        for number, hostile in enumerate(hostile_files())
    ]
    upload(page, *files)
    summary = page.locator("[data-summary]")
    expect(summary).to_contain_text(f"{len(files)} failed", timeout=90 * SECONDS)
    for file in files:
        words = rows(page).filter(has_text=file["name"]).locator(".upload__words")
        expect(words).to_have_text(re.compile(r"\w+.*\."))
    expect(rows(page).filter(has_text="drawing.jpg").locator(".upload__words")).to_contain_text("an SVG drawing")
    expect(rows(page).filter(has_text="page.png").locator(".upload__words")).to_contain_text("a web page")
    page.goto("/history/")
    for failure in page.locator(".photo__failure").all_inner_texts():
        assert failure.strip().endswith(".")


PAGES = ("/upload/", "/history/", "/usage/", "/account/", "/accounts/2fa/", "/accounts/email/")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_narrow_screen(sign_up: SignUp, scheme: str) -> None:
    page = sign_up(f"narrow{scheme}", viewport={"width": 360, "height": 740}, color_scheme=scheme)
    upload_and_wait(page, astronaut())
    page.goto("/history/")
    photo = page.locator("article.photo a").first.get_attribute("href")
    for address in (*PAGES, str(photo)):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address


def test_labels_and_boxes_work_by_keyboard(sign_up: SignUp) -> None:
    page = sign_up("keyboard")
    upload_and_wait(page, astronaut())
    page.goto("/history/")
    page.locator("article.photo a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/images/*/")
    page.locator("[data-mark]").first.focus()
    expect(page.locator("g.box").first).to_have_class(re.compile("is-lit"))
    page.get_by_role("heading", name="Colours").hover()
    page.get_by_role("heading", name="Labels").hover()
    expect(page.locator("g.box").first).to_have_class(re.compile("is-lit"))


def test_a_queue_that_nobody_works_at_is_admitted(sign_up: SignUp) -> None:
    """What the portal says when no worker reports, on each page where somebody may be waiting."""
    page = sign_up("patient")

    def nobody_works(route: Route) -> None:
        answer = route.fetch().json()
        images = [{**image, "status": "queued"} for image in answer["images"]]
        route.fulfill(json={"images": images, "worker_alive": False})

    page.route("**/history/updates/**", nobody_works)
    upload(page, coffee())
    expect(page.locator("[data-worker-away]")).to_contain_text("safe in the queue")
    page.unroute("**/history/updates/**")
    expect(page.locator("[data-summary]")).to_contain_text("1 of 1", timeout=60 * SECONDS)
    expect(page.locator("[data-worker-away]")).to_be_hidden()
