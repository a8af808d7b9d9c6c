"""Pages whose photos wait for a budget, where each look at them would keep a database awake."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.conftest import SignUp
from tests.e2e.test_journey import SECONDS, coffee, upload

pytestmark = pytest.mark.e2e

WHY = "Your monthly budget is used up"


@pytest.mark.parametrize(("again", "looks"), [(1800, {1}), (None, {3, 4, 5, 6})])
def test_the_page_asks_no_more_often_than_the_portal_likes(sign_up: SignUp, again: int | None, looks: set[int]) -> None:
    page = sign_up(f"thrifty{again}")
    asked = 0

    def held(route: Route) -> None:
        nonlocal asked
        answer = route.fetch().json()
        asked += bool(answer["images"])
        images = [{**image, "status": "queued", "held": True, "waiting": WHY} for image in answer["images"]]
        route.fulfill(json={**answer, "images": images, "held_again_seconds": again})

    page.route("**/history/updates/**", held)
    upload(page, coffee())
    expect(page.locator("main")).to_contain_text(WHY)
    page.wait_for_timeout(6 * SECONDS)
    assert asked in looks
    # Whoever comes back to the page sees how things are now.
    page.unroute("**/history/updates/**")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("[data-summary]")).to_contain_text("1 of 1", timeout=60 * SECONDS)
