"""Photos to review, of an owner of their own, and people signed in to do it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.e2e.conftest import PASSWORD, Portal

# For what the server has to answer first.
PATIENCE = 60_000

# Each photo: a dog that is surely there, a cat that may be, and where it was taken. The owner is nobody else's, so that
# a test finds its own photos in the queue by them.
SEED = """
import io
from PIL import Image as Picture
from skimage import data
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from portal.accounts.models import User
from portal.images.models import Image, Status
from portal.images.recording import record_result
from portal.moderation.groups import make_moderator
from recognition.result import Box, Instance, Label, ModerationLabel
from tests.conftest import make_result

encoded = io.BytesIO()
Picture.fromarray(data.chelsea()).resize((640, 480)).save(encoded, "JPEG")
labels = (
    Label("Dog", 91.0, "onnx", instances=(Instance(91.0, Box(0.1, 0.1, 0.3, 0.4)),)),
    Label("Cat", 56.0, "onnx", instances=(Instance(56.0, Box(0.5, 0.3, 0.3, 0.4)),)),
    Label("Outdoors", 72.0, "onnx"),
)


def person(name):
    return User.objects.create_user(name, f"{name}@example.com", PASSWORD)


for pile in PILES:
    owner = person(pile["owner"])
    make_moderator(person(pile["moderator"]))
    flags = (ModerationLabel("Weapons", "Violence", 95, 2),) if pile["flagged"] else ()
    for number in range(pile["photos"]):
        name = f"{pile['owner']}-{number:02}.jpg"
        sha256 = f"{hash(name) & (2**64 - 1):064x}"
        image = Image.objects.create(owner=owner, filename=name, byte_size=9, sha256=sha256, status=Status.QUEUED)
        for key in (image.preview_key, image.thumbnail_key):
            storages["derived"].save(key, ContentFile(encoded.getvalue()))
        record_result(make_result(image, labels=labels, moderation_labels=flags))
"""


@dataclass(frozen=True)
class Pile:
    """Photos of an owner of their own, and a moderator of their own to review them."""

    photos: int
    flagged: bool
    owner: str
    moderator: str


class Reviewer:
    """A moderator's browser on the review page of one owner's photos. `problems` is what the console complained of."""

    def __init__(self, page: Page, owner: str) -> None:
        self.page, self.owner = page, owner
        self.problems: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.said = page.locator("[data-said]")
        self.filename = page.locator("[data-filename]")
        self.findings = page.locator(".finding")
        self.chosen = page.locator(".finding--chosen")

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def open(self, query: str = "") -> None:
        self.page.goto(f"/admin/moderation/review/?owner={self.owner}{query}")
        expect(self.filename).to_contain_text(self.owner, timeout=PATIENCE)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def choose(self, label: str) -> None:
        """Go on with the keyboard until the finding of this label is selected."""
        for _ in range(self.findings.count()):
            if self.chosen.locator(".finding__name").text_content() == label:
                return
            self.press("j")
        assert self.chosen.locator(".finding__name").text_content() == label

    def answer(self, label: str) -> None:
        """Type a label into the dialog that asks for one, and take what is offered for it."""
        expect(self.page.get_by_role("combobox", name="What is")).to_be_focused()
        self.page.keyboard.type(label)
        self.press("Enter")
        expect(self.page.locator("dialog[open]")).to_have_count(0, timeout=PATIENCE)

    def state(self, label: str) -> Any:
        return self.findings.filter(has=self.page.get_by_text(label, exact=True)).locator(".finding__state")

    def arrived(self) -> None:
        """Wait until the server has answered everything."""
        expect(self.page.locator(".finding--waits")).to_have_count(0, timeout=PATIENCE)

    def complete(self) -> str:
        """Go on to the next image. Returns the name of the completed one."""
        before = str(self.filename.text_content())
        self.press("Enter")
        expect(self.page.locator("[data-desk]")).not_to_contain_text(before, timeout=PATIENCE)
        return before


def seed(portal: Portal, wanted: Mapping[str, tuple[int, bool]]) -> dict[str, Pile]:
    """Make piles by their name, each of so many photos, flagged or not."""
    piles = {}
    for name, (photos, flagged) in wanted.items():
        mark = uuid4().hex[:8]
        piles[name] = Pile(photos, flagged, f"owner{mark}", f"mod{mark}")
    values = f"PILES = {[asdict(pile) for pile in piles.values()]!r}\nPASSWORD = {PASSWORD!r}\n"
    done = portal.manage("shell", "-v", "0", "-c", values + SEED)
    assert done.returncode == 0, done.stderr
    return piles


@contextmanager
def signed_in(browser: Browser, portal: Portal, name: str, to: str = "/", **options: Any) -> Iterator[Page]:
    context = browser.new_context(base_url=portal.url, **options)
    page = context.new_page()
    page.goto(f"/accounts/login/?next={to}")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"**{to}")
    yield page
    context.close()


@contextmanager
def reviewing(browser: Browser, portal: Portal, pile: Pile, **options: Any) -> Iterator[Reviewer]:
    """The pile's moderator before its first photo."""
    with signed_in(browser, portal, pile.moderator, "/admin/", **options) as page:
        reviewer = Reviewer(page, pile.owner)
        reviewer.open()
        yield reviewer
