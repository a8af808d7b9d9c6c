"""Many boxes of one label, judged in one go in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Portal
from tests.e2e.reviewing import PATIENCE, Pile, seed, signed_in

pytestmark = pytest.mark.e2e

PHOTOS = 70
STATES = """
from collections import Counter
from portal.moderation.models import Annotation
print(dict(Counter(Annotation.objects.filter(author__username="{moderator}").values_list("state", flat=True))))
"""


@pytest.fixture(scope="module")
def piles(portal: Portal) -> dict[str, Pile]:
    return seed(portal, {"many": (PHOTOS, False), "few": (3, False)})


Piles = dict[str, Pile]


def states_of(portal: Portal, moderator: str) -> str:
    done = portal.manage("shell", "-v", "0", "-c", STATES.format(moderator=moderator))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_boxes_are_judged_by_the_dozen_and_taken_back_at_once(browser: Browser, portal: Portal, piles: Piles) -> None:
    with signed_in(browser, portal, piles["many"].moderator, "/admin/") as page:
        problems = listen(page)
        page.goto("/admin/moderation/grid/?label=Cat&from=40&to=60")
        crops = page.locator(".crop")
        expect(crops.first).to_be_visible()
        load_all(page)
        total = crops.count()
        assert total >= PHOTOS
        crops.first.click()
        crops.nth(2).click()
        crops.nth(PHOTOS - 1).click(modifiers=["Shift"])
        expect(page.locator("[data-count]")).to_have_text(f"{PHOTOS - 1} selected")
        crops.nth(1).click()
        page.keyboard.press("x")
        expect(page.locator("[data-said]")).to_have_text(f"Rejected: {PHOTOS}.", timeout=PATIENCE)
        expect(crops).to_have_count(total - PHOTOS)
        page.keyboard.press("u")
        expect(page.locator("[data-said]")).to_have_text(f"Taken back: {PHOTOS}.", timeout=PATIENCE)
        expect(crops).to_have_count(total)
        assert problems == []
    assert states_of(portal, piles["many"].moderator) == "{}"


def test_crops_are_selected_by_keyboard_and_relabelled(browser: Browser, portal: Portal, piles: Piles) -> None:
    with signed_in(browser, portal, piles["few"].moderator, "/admin/") as page:
        problems = listen(page)
        page.goto("/admin/moderation/grid/?label=Outdoors")
        expect(page.get_by_text("No box of this label is left in this range.")).to_be_visible()
        page.goto("/admin/moderation/grid/?label=Dog&from=90&to=92")
        crops = page.locator(".crop")
        crops.first.focus()
        page.keyboard.press("Space")
        page.keyboard.press("Shift+ArrowRight")
        expect(page.locator("[data-count]")).to_have_text("2 selected")
        page.keyboard.press("l")
        page.keyboard.type("Wolf")
        page.keyboard.press("Enter")
        expect(page.locator("[data-said]")).to_have_text("Relabelled to Wolf: 2.", timeout=PATIENCE)
        page.keyboard.press("u")
        expect(page.locator("[data-said]")).to_have_text("Taken back: 2.", timeout=PATIENCE)
        assert problems == []
    assert states_of(portal, piles["few"].moderator) == "{}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_grid_fits_a_narrow_screen(browser: Browser, portal: Portal, piles: Piles, scheme: str) -> None:
    narrow = {"viewport": {"width": 360, "height": 740}, "color_scheme": scheme}
    with signed_in(browser, portal, piles["few"].moderator, "/admin/", **narrow) as page:
        page.goto("/admin/moderation/grid/?label=Dog")
        expect(page.locator(".crop").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def listen(page: Page) -> list[str]:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    return problems


def load_all(page: Page) -> None:
    more = page.get_by_role("button", name="Load more")
    while more.is_visible():
        # It goes away as soon as the last ones are there, maybe at this moment.
        page.mouse.wheel(0, 10_000)
        page.wait_for_timeout(100)
