"""The administration in a browser, under its content security policy: nothing may be refused, everything must work."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Portal

pytestmark = pytest.mark.e2e

PASSWORD = "a keeper of long passphrases"
SEED = f"""
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from portal.accounts.models import User
from portal.images.models import Image, Status
from portal.images.recording import record_result
from portal.images.tasks import erase_stored
from recognition.result import ModerationLabel
from tests.conftest import PIXEL, make_result

keeper = User.objects.create_superuser("keeper", "keeper@example.com", "{PASSWORD}")
image = Image.objects.create(owner=keeper, filename="dog.jpg", byte_size=9, sha256="a" * 64, status=Status.QUEUED)
for key in (image.preview_key, image.thumbnail_key):
    storages["derived"].save(key, ContentFile(PIXEL))
erase_stored.enqueue()
record_result(make_result(image, moderation_labels=(ModerationLabel("Weapons", "Violence", 95, 2),)))
"""


@pytest.fixture(scope="module")
def seeded(portal: Portal) -> Portal:
    done = portal.manage("shell", "-c", SEED)
    assert done.returncode == 0, done.stderr
    return portal


@pytest.fixture
def keeper(seeded: Portal, page: Page, complaints: list[str]) -> Page:
    """A superuser's browser, signed in through the page that the administration leads to."""
    assert complaints == []
    page.goto("/admin/")
    page.wait_for_url("**/accounts/login/**")
    page.get_by_label("Username").fill("keeper")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/admin/")
    return page


def test_every_page_of_the_menu_keeps_the_policy(keeper: Page) -> None:
    links = keeper.locator("#nav-sidebar-apps a")
    for address in [link.get_attribute("href") for link in links.all()]:
        response = keeper.goto(str(address))
        assert response is not None
        assert response.status == 200
        assert "'unsafe-inline'" not in response.headers["content-security-policy"]
        keeper.wait_for_load_state("networkidle")


def test_a_task_is_shown_without_inline_styles(keeper: Page) -> None:
    keeper.goto("/admin/django_tasks_database/dbtaskresult/")
    keeper.get_by_role("link", name="erase_stored").click()
    keeper.wait_for_load_state("networkidle")
    expect(keeper.locator("body")).to_contain_text('{"args": [], "kwargs": {}}')


def test_the_theme_is_switched_from_a_menu_that_opens_by_keyboard(keeper: Page) -> None:
    keeper.get_by_role("button", name="keeper").press("Enter")
    keeper.get_by_text("Dark", exact=True).click()
    expect(keeper.locator("html")).to_have_class("dark")
    keeper.reload()
    expect(keeper.locator("html")).to_have_class("dark")


def test_images_are_filtered_uncovered_and_chosen_for_an_action(keeper: Page) -> None:
    keeper.goto("/admin/images/image/")
    keeper.get_by_role("button", name="Show", exact=True).click()
    expect(keeper.locator(".is-flagged")).to_have_count(0)
    keeper.locator("input.action-select").first.check()
    expect(keeper.get_by_text("1 of 1 selected")).to_be_visible()
    keeper.get_by_label("Select action to run").select_option("recognize_selected_again")
    expect(keeper.get_by_role("button", name="Run")).to_be_visible()
    keeper.get_by_role("button", name="Filters").press("Enter")
    keeper.get_by_text("Not flagged").click()
    keeper.get_by_role("button", name="Apply Filters").click()
    expect(keeper.locator("#result_list")).to_have_count(0)


def test_a_labels_boxes_light_up_over_the_photo(keeper: Page) -> None:
    keeper.goto("/admin/images/image/")
    keeper.get_by_role("link", name="dog.jpg").click()
    keeper.get_by_role("button", name="Show it").click()
    keeper.locator("tr[data-group=Dog]").focus()
    expect(keeper.locator("rect.is-lit")).to_have_count(1)
    keeper.mouse.move(600, 20)
    keeper.mouse.move(620, 30)
    expect(keeper.locator("rect.is-lit")).to_have_count(1)
    keeper.locator("tr[data-group=Dog]").blur()
    expect(keeper.locator("rect.is-lit")).to_have_count(0)


def test_a_person_is_changed_and_their_page_keeps_the_policy(keeper: Page) -> None:
    keeper.goto("/admin/accounts/user/?q=keeper")
    keeper.get_by_role("link", name="keeper", exact=True).click()
    keeper.get_by_label("First name").fill("Kim")
    keeper.get_by_role("button", name="Save", exact=True).click()
    expect(keeper.get_by_text("was changed successfully")).to_be_visible()
