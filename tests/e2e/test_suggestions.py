"""An owner says what is wrong with a label, in a real browser and by keyboard."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect
from skimage import data

from tests.e2e.conftest import Portal, SignUp

pytestmark = pytest.mark.e2e

SECONDS = 1000


def astronaut() -> FilePayload:
    encoded = io.BytesIO()
    Image.fromarray(data.astronaut()).save(encoded, "JPEG")
    return {"name": "astronaut.jpg", "mimeType": "image/jpeg", "buffer": encoded.getvalue()}


def open_photo(page: Page) -> None:
    page.goto("/upload/")
    page.locator("#files").set_input_files([astronaut()])
    expect(page.locator("[data-summary]")).to_contain_text("1 of 1", timeout=60 * SECONDS)
    page.goto("/history/")
    page.locator("article.photo a").first.click()
    page.wait_for_url("**/images/*/")


def test_an_owner_says_by_keyboard_that_a_label_is_wrong_and_what_it_should_be(sign_up: SignUp, portal: Portal) -> None:
    page = sign_up("suggesting")
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    open_photo(page)
    row = page.locator("[data-finding]", has_text="Face").first
    address = page.url

    row.get_by_role("button", name="“Face” is wrong").focus()
    page.keyboard.press("Enter")
    expect(row).to_contain_text("You said: wrong. A moderator will look.")
    expect(page.get_by_role("status").filter(has_text="You said: wrong.")).to_have_count(1)
    expect(row.get_by_role("button", name="“Face” is wrong")).to_be_focused()
    expect(row.get_by_role("button", name="“Face” is wrong")).to_have_attribute("aria-pressed", "true")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    field = row.get_by_role("combobox", name="Instead of “Face” it should be")
    expect(field).to_be_focused()
    page.keyboard.type("Astronaut")
    page.keyboard.press("Enter")
    expect(row).to_contain_text("You said: it should be “Astronaut”. A moderator will look.")

    # The page still works as one: the slider and the boxes of the row that was swapped.
    page.get_by_role("slider", name="Show from").fill("100")
    expect(row).to_be_hidden()
    page.get_by_role("slider", name="Show from").fill("50")
    page.goto(address)
    expect(row).to_contain_text("You said: it should be “Astronaut”.")
    expect(row.locator(".finding__name")).to_contain_text("Face")
    row.get_by_role("button", name="Take it back").click()
    expect(row).not_to_contain_text("You said")
    assert problems == []


def test_it_works_without_scripts(sign_up: SignUp, portal: Portal) -> None:
    page = sign_up("scriptless")
    open_photo(page)
    plain = page.context.browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())  # type: ignore[union-attr]
    try:
        bare = plain.new_page()
        bare.goto(page.url)
        row = bare.locator("[data-finding]", has_text="Face").first
        row.get_by_role("button", name="“Face” is right").click()
        expect(row).to_contain_text("You said: right. A moderator will look.")
    finally:
        plain.close()
