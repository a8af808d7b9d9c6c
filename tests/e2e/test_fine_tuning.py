"""The whole way on a laptop, from the browser alone: photos, corrections, a dataset, a training, a model that runs."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PASSWORD, Portal, new_database, serving
from tests.e2e.reviewing import PATIENCE, Reviewer, signed_in
from tests.e2e.teaching import TITLES, Drawing, correct, drawings, upload
from tests.requirements import required

pytestmark = [pytest.mark.e2e, pytest.mark.torch, pytest.mark.slow]

TAUGHT = 60
TRAINING_PATIENCE = 10 * PATIENCE
SEED = """
from portal.accounts.models import User
User.objects.create_superuser("{name}", "{name}@example.com", "{password}")
"""


@pytest.fixture
def teachable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal of its own, without the detectors of faces and text: they take longer than all the rest here."""
    if importlib.util.find_spec("torch") is None:
        required("torch", "PyTorch is not installed (make training)")
    folder = tmp_path_factory.mktemp("teachable")
    with new_database("taught") as address, serving(folder, address, DETECTORS="onnx,custom,properties") as running:
        yield running


def test_corrections_become_a_detector_that_finds_what_they_taught(browser: Browser, teachable: Portal) -> None:
    teacher = f"teacher{uuid4().hex[:8]}"
    made = teachable.manage("shell", "-v", "0", "-c", SEED.format(name=teacher, password=PASSWORD))
    assert made.returncode == 0, made.stderr
    *taught, new = drawings(TAUGHT + 1, first_seed=4_000_000)
    with signed_in(browser, teachable, teacher, "/admin/") as page:
        reviewer = Reviewer(page, "drawn")
        upload(page, taught)
        page.goto(f"/admin/moderation/review/?owner={teacher}")
        expect(reviewer.filename).to_contain_text("drawn", timeout=PATIENCE)
        assert correct(reviewer, taught) == sum(len(drawing.shapes) for drawing in taught)
        make_a_dataset(page)
        train(page)
        approve_and_promote(page)
        upload(page, [new])
        it_is_found(page, new)
        assert reviewer.problems == []


def make_a_dataset(page: Page) -> None:
    page.goto("/admin/finetuning/datasetsnapshot/add/")
    page.get_by_label("Name").fill("shapes")
    for title in TITLES.values():
        page.get_by_label(re.compile(rf"{title} \(\d+\)")).check()
    page.get_by_label("Percent for training/validation/test").fill("60/15/25")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Data card")).to_be_visible(timeout=PATIENCE)


def train(page: Page) -> None:
    """Ask for a training, watch its curve grow, and see the gate's verdict."""
    page.goto("/admin/finetuning/modelversion/")
    page.get_by_role("link", name="train a model").click()
    page.get_by_label("Name").fill("shapes")
    page.get_by_label(re.compile("tiny detector of drawn shapes")).check()
    page.get_by_label("Steps").fill("200")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="In training")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("img", name=re.compile(r"^Loss: [\d.]+ at step \d+"))).to_be_visible(timeout=PATIENCE)
    expect(page.locator("[data-words]")).to_contain_text(re.compile(r"Step \d+ of 200"), timeout=PATIENCE)
    expect(page.get_by_role("heading", name="The gate let it pass")).to_be_visible(timeout=TRAINING_PATIENCE)
    expect(page.get_by_role("heading", name="Its worst mistakes")).to_be_visible(timeout=PATIENCE)
    broken = "Array.from(document.images).filter((image) => image.complete && !image.naturalWidth).length"
    assert page.evaluate(broken) == 0


def approve_and_promote(page: Page) -> None:
    for button, said in (("Approve", "is approved"), ("Promote", "looks at every photo")):
        page.get_by_role("link", name=button, exact=True).click()
        page.get_by_role("button", name=f"{button} shapes v1").click()
        expect(page.get_by_text(said).first).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("This version runs.")).to_be_visible(timeout=PATIENCE)


def it_is_found(page: Page, drawing: Drawing) -> None:
    """On the photo's own page: a new class, with a box, by this version of the model."""
    page.goto("/history/")
    page.locator("article.photo").filter(has_text=drawing.file["name"]).get_by_role("link").first.click()
    page.wait_for_url("**/images/*/")
    names = {TITLES[shape.name] for shape in drawing.shapes}
    finding = page.locator("[data-finding]").filter(has_text=re.compile("|".join(names))).first
    expect(finding).to_be_visible(timeout=PATIENCE)
    finding.locator(".why summary").click()
    expect(finding).to_contain_text(re.compile(r"shapes-v1-[0-9a-f]{12}"))
