"""A dataset in a browser: asked for, watched while a worker builds it, read and downloaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Portal

pytestmark = pytest.mark.e2e

PASSWORD = "a maker of long datasets"
SEED = f"""
from hashlib import sha256
from portal.accounts.models import User
from portal.images.models import Image, Label, Status
from portal.moderation.models import Annotation

maker = User.objects.create_superuser("maker", "maker@example.com", "{PASSWORD}")
labels = [Label.objects.create(name=name) for name in ("Heron", "Kingfisher")]
for number in range(40):
    image = Image.objects.create(
        owner=maker, filename="bird.jpg", byte_size=9, sha256=sha256(b"%d" % number).hexdigest(),
        status=Status.RECOGNIZED, width=640, height=480,
    )
    box = dict(left=0.25, top=0.25, width=0.5, height=0.5)
    Annotation.objects.create(image=image, label=labels[number % 4 == 0], state="added", author=maker, **box)
"""


@pytest.fixture
def maker(portal: Portal, page: Page, complaints: list[str]) -> Page:
    done = portal.manage("shell", "-c", SEED)
    assert done.returncode == 0, done.stderr
    page.goto("/admin/")
    page.wait_for_url("**/accounts/login/**")
    page.get_by_label("Username").fill("maker")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/admin/")
    return page


def test_a_dataset_is_made_watched_read_and_downloaded(maker: Page, complaints: list[str], tmp_path: Path) -> None:
    maker.get_by_role("link", name="Datasets").click()
    maker.goto("/admin/finetuning/datasetsnapshot/add/")
    maker.get_by_label("Name").fill("birds")
    maker.get_by_label("Kingfisher (10)").check()
    maker.get_by_label("Heron (30)").check()
    maker.get_by_label("Licence").fill("Only for this portal.")
    maker.get_by_role("button", name="Save", exact=True).click()
    expect(maker.get_by_role("heading", name="Data card")).to_be_visible(timeout=60_000)
    classes = maker.get_by_role("region", name="Balance of the classes").get_by_role("row")
    expect(classes).to_have_count(3)
    expect(classes.nth(1)).to_contain_text("Heron")
    with maker.expect_download() as started:
        maker.get_by_role("link", name="train.json").click()
    started.value.save_as(tmp_path / "train.json")
    document = json.loads((tmp_path / "train.json").read_text())
    assert {category["name"] for category in document["categories"]} == {"Heron", "Kingfisher"}
    assert document["annotations"][0]["bbox"] == [160, 120, 320, 240]
    assert complaints == []
