"""The pages of model versions in a browser: a training is watched while it goes on, and the evaluation is read."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.e2e.conftest import PASSWORD, Portal
from tests.e2e.reviewing import signed_in

pytestmark = pytest.mark.e2e

LIST = "/admin/finetuning/modelversion/"
NARROW = {"width": 360, "height": 740}

# Whoever trains it reports from the future: no worker takes it for abandoned.
SEED = f"""
from datetime import timedelta
from uuid import uuid4
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.utils import timezone
from portal.accounts.models import User
from portal.finetuning.models import DatasetSnapshot, ModelVersion
from portal.moderation.groups import make_trainer
from tests.conftest import PIXEL
from tests.portal.finetuning.reports import report, verdict

make_trainer(User.objects.create_user("trainer", "trainer@example.com", "{PASSWORD}"))
dataset = DatasetSnapshot.objects.create(
    name="drawn", version=1, state="ready", author_name="trainer", card={{"counts": {{"images": 90}}}}
)
of_it = dict(name="watched", dataset=dataset, start="tiny-shapes", author_name="trainer")
told = dict(phase="training", steps_done=30, steps_total=120, seconds_left=300, claim=uuid4())
beat = timezone.now() + timedelta(days=1)
curve = {{"loss": [[10, 2.5], [30, 1.25]], "map50": []}}
ModelVersion.objects.create(version=1, state="training", curve=curve, beat_at=beat, **told, **of_it)
judged = dict(report=report(), verdict=verdict(against="watched v1"), finished_at=timezone.now())
ready = ModelVersion.objects.create(version=2, state="ready", steps_total=120, curve=curve, **judged, **of_it)
for name in ("worst-1.jpg", "worst-2.jpg"):
    storages["derived"].save(f"{{ready.folder}}/report/{{name}}", ContentFile(PIXEL))
"""
GOES_ON = """
from portal.finetuning.models import ModelVersion
version = ModelVersion.objects.get(name="watched", version=1)
version.steps_done, version.seconds_left = 60, 20
version.curve["map50"] = [[50, 0.4]]
version.save()
"""
ENDS = """
from portal.finetuning.models import ModelVersion
ended = dict(state="failed", error="There is not enough memory.", claim=None)
ModelVersion.objects.filter(name="watched", version=1).update(**ended)
"""


def run(portal: Portal, script: str) -> None:
    done = portal.manage("shell", "-v", "0", "-c", script)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def seeded(portal: Portal) -> Portal:
    run(portal, SEED)
    return portal


@pytest.fixture(params=[None, NARROW], ids=["wide", "narrow"])
def trainer(request: pytest.FixtureRequest, browser: Browser, seeded: Portal) -> Iterator[Page]:
    """A model trainer's browser that complains of nothing."""
    options = {"viewport": request.param} if request.param else {}
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            problems.append(message.text)

    with signed_in(browser, seeded, "trainer", "/admin/", **options) as page:
        page.on("console", note)
        page.on("pageerror", lambda error: problems.append(str(error)))
        yield page
    assert problems == []


def opened(page: Page, version: str) -> None:
    page.goto(LIST)
    page.get_by_role("link", name=version).click()
    expect(page).to_have_title(re.compile(version))


def is_as_wide_as_the_screen(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_the_evaluation_is_read_and_asked_about(trainer: Page) -> None:
    opened(trainer, "watched v2")
    expect(trainer.get_by_role("heading", name="The gate let it pass")).to_be_visible()
    expect(trainer.get_by_text("+12 percentage points against watched v1")).to_be_visible()
    expect(trainer.get_by_role("row", name=re.compile(r"^arrow 31 70 %"))).to_be_visible()
    expect(trainer.get_by_role("img", name="Precision against recall")).to_be_visible()
    expect(trainer.locator(".legended li")).to_have_text([re.compile(name) for name in ("arrow", "cross", "heart")])
    pictures = trainer.get_by_role("region", name="Its worst mistakes").locator("img")
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("image => image.naturalWidth > 0")
    assert pictures.count() == 2
    assert is_as_wide_as_the_screen(trainer)
    trainer.get_by_role("link", name="Approve", exact=True).click()
    expect(trainer.get_by_text("watched v2 may be promoted then.")).to_be_visible()
    expect(trainer.get_by_role("button", name="Approve watched v2")).to_be_visible()
    trainer.get_by_role("link", name="Leave it as it is").click()
    expect(trainer.get_by_role("link", name="Approve", exact=True)).to_be_visible()


def test_a_form_begins_one_training_and_tells_what_it_takes(trainer: Page) -> None:
    trainer.goto(f"{LIST}add/")
    expect(trainer.get_by_label("Dataset")).to_contain_text("drawn v1: 90 images")
    expect(trainer.get_by_label(re.compile("tiny detector of drawn shapes.*about a minute"))).to_be_visible()
    expect(trainer.get_by_role("button", name=re.compile("Save"))).to_have_count(1)
    assert is_as_wide_as_the_screen(trainer)


@pytest.mark.parametrize("trainer", [None], indirect=True, ids=["wide"])
def test_a_training_is_watched_until_it_ends(trainer: Page, seeded: Portal) -> None:
    opened(trainer, "watched v1")
    expect(trainer.get_by_role("img", name="Loss: 1.3 at step 30")).to_be_visible()
    expect(trainer.get_by_role("progressbar", name="In training")).to_have_js_property("value", 25)
    expect(trainer.get_by_role("status").filter(has_text="Learning.")).to_be_visible()
    expect(trainer.locator("[data-words]")).to_contain_text("Step 30 of 120. About 5 minutes left")
    run(seeded, GOES_ON)
    expect(trainer.locator("[data-words]")).to_contain_text("Step 60 of 120. About 20 seconds left", timeout=30_000)
    expect(trainer.get_by_role("img", name="mAP50 on validation photos: 40 % at step 50")).to_be_visible()
    trainer.get_by_text("As numbers").click()
    expect(trainer.get_by_role("row", name="50 40.0 %")).to_be_visible()
    run(seeded, ENDS)
    expect(trainer.get_by_role("alert").filter(has_text="There is not enough memory.")).to_be_visible(timeout=30_000)
    expect(trainer.get_by_role("link", name="Go on with the training")).to_be_visible()
