"""The review queue in a browser: by keyboard alone, by finger, and when something comes between."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.conftest import PASSWORD, Portal
from tests.e2e.reviewing import PATIENCE, Pile, Reviewer, reviewing, seed, signed_in

pytestmark = pytest.mark.e2e

PHOTOS = 20
# How many photos, and whether they are flagged.
PILES = {
    "keyboard": (PHOTOS, False),
    "finger": (1, False),
    "lost answer": (1, False),
    "again": (2, False),
    "flagged": (1, True),
    "keys": (1, False),
    "ahead": (2, False),
    "light": (1, False),
    "dark": (1, False),
}
KEEPER = f"""
from portal.accounts.models import User
User.objects.create_superuser("auditor", "auditor@example.com", "{PASSWORD}")
"""
# What is true of a photo now, as the database has it.
TRUTH = """
from portal.images.models import Image
from portal.moderation.models import Annotation, AuditEntry
image = Image.objects.get(filename="{filename}")
for each in Annotation.objects.filter(image=image):
    print(each.label, each.state, each.left, each.top, each.width, each.height)
print(AuditEntry.objects.filter(image=image).exclude(verb="looked").count(), "entries")
"""
LEASES = """
from portal.moderation.models import ReviewItem
print(ReviewItem.objects.filter(owner__username="{owner}", leased_by__isnull=False).count(), "leased")
"""
AGAIN = """
from tests.conftest import make_result
from portal.images.models import Image
from portal.images.recording import record_result
image = Image.objects.get(filename="{filename}")
record_result(make_result(image, labels=image.current.result.labels))
"""


@pytest.fixture(scope="module")
def piles(portal: Portal) -> dict[str, Pile]:
    return seed(portal, PILES)


Piles = dict[str, Pile]


def truth_of(portal: Portal, filename: str) -> str:
    done = portal.manage("shell", "-v", "0", "-c", TRUTH.format(filename=filename))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_moderator_clears_twenty_images_by_keyboard_alone(browser: Browser, portal: Portal, piles: Piles) -> None:
    with reviewing(browser, portal, piles["keyboard"]) as reviewer:
        relabelled = relabel_the_cat(reviewer)
        drawn = draw_a_bird(reviewer)
        moved = move_the_dog(reviewer)
        undone = reject_and_undo(reviewer)
        for _ in range(PHOTOS - 5):
            reviewer.press("a", "x")
            reviewer.complete()
        reviewer.press("a", "x", "Enter")
        expect(reviewer.page.get_by_role("heading", name="Nothing waits here")).to_be_visible(timeout=PATIENCE)
        expect(reviewer.page.locator("[data-sitting]")).to_have_text(f"{PHOTOS} completed", timeout=PATIENCE)
        assert reviewer.problems == []
    with signed_in(browser, portal, reviewer.owner, "/history/") as page:
        owner_sees(page, relabelled, "Fox", "Cat")
        owner_sees(page, drawn, "Bird", None)
        owner_sees(page, undone, "Dog", None)
    assert re.search(r"Dog corrected 0\.14\d* 0\.1 0\.3 0\.42", truth_of(portal, moved))
    the_audit_log_tells_who_did_what(browser, portal, piles["keyboard"].moderator)


def relabel_the_cat(reviewer: Reviewer) -> str:
    reviewer.choose("Cat")
    reviewer.press("l")
    reviewer.answer("Fox")
    expect(reviewer.said).to_have_text("Cat is now Fox.")
    return reviewer.complete()


def draw_a_bird(reviewer: Reviewer) -> str:
    reviewer.press("d", "ArrowUp", "ArrowLeft", "Shift+ArrowRight", "Control+ArrowDown", "Enter")
    reviewer.answer("Bird")
    expect(reviewer.state("Bird")).to_have_text("Added")
    return reviewer.complete()


def move_the_dog(reviewer: Reviewer) -> str:
    reviewer.choose("Dog")
    reviewer.press("m", "ArrowRight", "ArrowRight", "Shift+ArrowDown", "Enter")
    expect(reviewer.state("Dog")).to_have_text("Corrected")
    return reviewer.complete()


def reject_and_undo(reviewer: Reviewer) -> str:
    """Also what was completed comes back."""
    reviewer.choose("Dog")
    reviewer.press("x")
    expect(reviewer.state("Dog")).to_have_text("Rejected")
    reviewer.press("u")
    expect(reviewer.state("Dog")).to_have_text("91 %", timeout=PATIENCE)
    completed = reviewer.complete()
    reviewer.press("u")
    expect(reviewer.filename).to_have_text(completed, timeout=PATIENCE)
    return reviewer.complete()


def owner_sees(page: Page, filename: str, label: str, gone: str | None) -> None:
    page.goto(f"/history/?label={label}")
    expect(page.locator("article.photo").filter(has_text=filename)).to_have_count(1)
    page.locator("article.photo").filter(has_text=filename).get_by_role("link").first.click()
    page.wait_for_url("**/images/*/")
    expect(page.locator("[data-finding]").filter(has_text=label).first).to_be_visible()
    if gone:
        expect(page.locator("[data-finding] [data-mark]", has_text=gone)).to_have_count(0)
        page.goto(f"/history/?label={gone}")
        expect(page.locator("article.photo").filter(has_text=filename)).to_have_count(0)


def the_audit_log_tells_who_did_what(browser: Browser, portal: Portal, moderator: str) -> None:
    made = portal.manage("shell", "-v", "0", "-c", KEEPER)
    assert made.returncode == 0, made.stderr
    with signed_in(browser, portal, "auditor", "/admin/") as page:
        for verb, subject in (("relabel", "Fox"), ("add", "Bird"), ("redraw", "Dog"), ("complete", ""), ("undo", "")):
            page.goto(f"/admin/moderation/auditentry/?q={moderator}&verb__exact={verb}")
            rows = page.locator("#result_list tbody tr").filter(has_text=moderator)
            expect(rows.filter(has_text=subject).first).to_be_visible()


def test_boxes_are_drawn_and_dragged_with_a_finger(browser: Browser, portal: Portal, piles: Piles) -> None:
    narrow = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "device_scale_factor": 2}
    with reviewing(browser, portal, piles["finger"], **narrow) as reviewer:
        page, filename = reviewer.page, str(reviewer.filename.text_content())
        page.get_by_role("button", name="Draw", exact=True).tap()
        scrolled = page.evaluate("scrollY")
        swipe(page, (0.2, 0.6), (0.5, 0.9))
        reviewer.answer("Ball")
        expect(reviewer.state("Ball")).to_have_text("Added")
        reviewer.arrived()
        swipe(page, (0.5, 0.9), (0.6, 0.8))
        expect(reviewer.said).to_have_text("Moved the box of Ball.")
        reviewer.arrived()
        assert page.evaluate("scrollY") == scrolled
        assert reviewer.problems == []
    found = re.search(r"Ball \w+ ([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+)", truth_of(portal, filename))
    assert found is not None
    assert [float(side) for side in found.groups()] == pytest.approx([0.2, 0.6, 0.4, 0.2], abs=0.02)


def swipe(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A finger from one place of the photo to another, in fractions of it."""
    photo = page.locator("[data-picture]").bounding_box()
    assert photo is not None
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, share: float | None) -> None:
        points: list[dict[str, Any]] = []
        if share is not None:
            x, y = (first + (last - first) * share for first, last in zip(start, end, strict=True))
            points = [{"x": photo["x"] + x * photo["width"], "y": photo["y"] + y * photo["height"]}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 0)
    for step in range(1, 6):
        touch("touchMove", step / 5)
    touch("touchEnd", None)
    finger.detach()


def test_a_decision_whose_answer_is_lost_is_sent_again_and_counts_once(
    browser: Browser, portal: Portal, piles: Piles
) -> None:
    with reviewing(browser, portal, piles["lost answer"]) as reviewer:
        filename = str(reviewer.filename.text_content())
        sent: list[str] = []
        second: list[Route] = []

        def lose_the_first_answer(route: Route) -> None:
            sent.append(route.request.post_data_json["id"])
            if len(sent) > 1:
                second.append(route)
                return
            route.fetch()
            route.abort()

        reviewer.page.route("**/decide/", lose_the_first_answer)
        reviewer.choose("Dog")
        reviewer.press("a")
        line = reviewer.page.get_by_text("1 decision waits here and will be sent again shortly.")
        expect(line).to_be_visible(timeout=PATIENCE)
        while not second:
            reviewer.page.wait_for_timeout(50)
        second[0].continue_()
        expect(line).to_have_count(0, timeout=PATIENCE)
        reviewer.arrived()
        expect(reviewer.state("Dog")).to_have_text("Approved")
        assert len(sent) == 2
        assert len(set(sent)) == 1
    assert "1 entries" in truth_of(portal, filename)


def test_an_image_that_is_recognised_again_meanwhile_is_not_completed_unseen(
    browser: Browser, portal: Portal, piles: Piles
) -> None:
    with reviewing(browser, portal, piles["again"]) as reviewer:
        filename = str(reviewer.filename.text_content())
        again = portal.manage("shell", "-v", "0", "-c", AGAIN.format(filename=filename))
        assert again.returncode == 0, again.stderr
        reviewer.complete()
        line = reviewer.page.get_by_role("alert")
        expect(line).to_contain_text(filename, timeout=PATIENCE)
        expect(reviewer.page.locator("[data-sitting]")).to_be_empty()
        line.get_by_role("button", name=f"Look at {filename} again").click()
        expect(reviewer.filename).to_have_text(filename, timeout=PATIENCE)
        reviewer.complete()
        expect(reviewer.page.locator("[data-sitting]")).to_have_text("1 completed", timeout=PATIENCE)
    assert "complete" not in truth_of(portal, filename)


def test_a_flagged_photo_is_veiled_until_it_is_shown(browser: Browser, portal: Portal, piles: Piles) -> None:
    with reviewing(browser, portal, piles["flagged"]) as reviewer:
        page = reviewer.page
        expect(page.get_by_text("This photo may not be for everybody.")).to_be_visible()
        reviewer.press("v")
        expect(page.get_by_text("This photo may not be for everybody.")).to_be_hidden()
        reviewer.press("Shift+A")
        expect(page.get_by_text("Allowed.", exact=True)).to_be_visible(timeout=PATIENCE)
        assert reviewer.problems == []


def test_the_next_image_lies_ready_and_both_are_let_go_on_leaving(
    browser: Browser, portal: Portal, piles: Piles
) -> None:
    with reviewing(browser, portal, piles["ahead"]) as reviewer:
        page = reviewer.page
        page.wait_for_load_state("networkidle")
        assert "2 leased" in leases_of(portal, reviewer.owner)
        page.route(re.compile("/next/|/preview/"), lambda route: route.abort())
        before = str(reviewer.filename.text_content())
        reviewer.press("n")
        expect(reviewer.filename).not_to_have_text(before)
        assert page.locator("[data-picture] img").evaluate("picture => picture.naturalWidth") == 640
        page.goto("/admin/")
    assert "0 leased" in leases_of(portal, reviewer.owner)


def leases_of(portal: Portal, owner: str) -> str:
    done = portal.manage("shell", "-v", "0", "-c", LEASES.format(owner=owner))
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_key_is_told_of_and_has_a_button(browser: Browser, portal: Portal, piles: Piles) -> None:
    with reviewing(browser, portal, piles["keys"]) as reviewer:
        reviewer.press("?")
        dialog = reviewer.page.get_by_role("dialog", name="Keys")
        for words in ("Approve", "Reject", "Give it another label", "Draw a box that is missing", "Undo", "Skip it"):
            expect(dialog).to_contain_text(words)
        reviewer.press("Escape")
        for name in ("Approve", "Reject", "Relabel", "Move", "Draw", "Label", "Skip", "Later", "Nothing else here"):
            expect(reviewer.page.get_by_role("button", name=re.compile(rf"^{name}"))).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_review_fits_a_narrow_screen(browser: Browser, portal: Portal, piles: Piles, scheme: str) -> None:
    narrow = {"viewport": {"width": 360, "height": 740}, "color_scheme": scheme}
    with reviewing(browser, portal, piles[scheme], **narrow) as reviewer:
        reviewer.press("a")
        reviewer.arrived()
        assert reviewer.page.evaluate("document.documentElement.scrollWidth") <= 360
        assert reviewer.problems == []
