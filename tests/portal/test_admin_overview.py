"""The administration's first page and its menu."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from portal.accounts.models import ErasureReceipt, User
from portal.admin_site import MENU
from portal.images.admin.dashboard import overview
from portal.images.models import StorageDeletion, WorkerHeartbeat
from tests.conftest import MakeImage
from tests.portal.test_admin import failed_image, root, signed_in, staff

__all__ = ["root", "staff"]


def test_the_overview_counts_what_is_there(
    root: User, recognized_image: MakeImage, stored_image: MakeImage, owner: User
) -> None:
    recognized_image(owner)
    failed_image(stored_image, owner, "broken.jpg")
    WorkerHeartbeat.objects.create(worker_id="alive", pid=1)
    WorkerHeartbeat.objects.create(worker_id="gone", pid=2, beat_at=timezone.now() - timedelta(hours=1))
    StorageDeletion.objects.create(storage="uploads", path="a", last_error="no disk")
    seen = overview()
    assert {number.name: number.count for number in seen.statuses if number.count} == {"Recognised": 1, "Failed": 1}
    assert [(number.name, number.count) for number in seen.failures] == [("Truncated image", 1)]
    assert (seen.workers_alive, seen.erasures.count, seen.erasures_failing) == (1, 1, 1)
    assert any("fetch_detector" in sentence for sentence in seen.missing_detectors)
    client = signed_in(root)
    for number in (*seen.statuses, *seen.failures, seen.erasures):
        assert client.get(number.address).status_code == 200
    assert client.get(seen.failures[0].address).context["cl"].result_count == 1


def test_the_overview_says_nothing_of_images_to_staff_who_may_not_see_them(staff: User) -> None:
    assert "overview" in signed_in(staff).get("/admin/").context
    staff.user_permissions.clear()
    assert "overview" not in signed_in(staff).get("/admin/").context


def test_every_list_and_the_menu_open(root: User, recognized_image: MakeImage, owner: User) -> None:
    recognized_image(owner)
    ErasureReceipt.objects.create(images=1, recognitions=1, original_bytes=1)
    WorkerHeartbeat.objects.create(worker_id="alive", pid=1)
    client = signed_in(root)
    menu = client.get("/admin/").context["sidebar_navigation"]
    links = [item["link"] for group in menu for item in group["items"]]
    assert len(links) == 1 + sum(len(entries) for entries in MENU.values())
    for link in links:
        assert client.get(link).status_code == 200, link


def test_the_menu_shows_staff_only_what_they_may_open(staff: User) -> None:
    menu = signed_in(staff).get("/admin/").context["sidebar_navigation"]
    assert [item["title"] for group in menu for item in group["items"]] == ["Overview", "Images", "Failures"]


def test_the_menu_tells_failures_and_images_apart(staff: User) -> None:
    for address, lit in (("/admin/images/image/", "Images"), ("/admin/images/image/?status__exact=failed", "Failures")):
        menu = signed_in(staff).get(address).context["sidebar_navigation"]
        assert [item["title"] for group in menu for item in group["items"] if item["active"]] == [lit]
