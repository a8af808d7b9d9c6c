"""Somebody who teaches the portal new shapes: uploads drawn pictures and draws each shape's box on the review page."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count, islice

from playwright.sync_api import FilePayload, Page, expect

from tests.e2e.reviewing import PATIENCE, Reviewer
from training.shapes import NEW_SHAPES, DrawnShape, draw

# What people call them.
TITLES = {name: name.title() for name in NEW_SHAPES}
MOST_SHAPES = 2


@dataclass(frozen=True)
class Drawing:
    """A picture with its shapes, as a file to upload."""

    file: FilePayload
    width: int
    height: int
    shapes: tuple[DrawnShape, ...]


def drawings(wanted: int, first_seed: int) -> list[Drawing]:
    """So many pictures of one or two new shapes each, the same for the same seed."""
    few = (drawn for seed in count(first_seed) if len((drawn := _drawing(seed)).shapes) <= MOST_SHAPES)
    return list(islice(few, wanted))


def _drawing(seed: int) -> Drawing:
    picture, shapes = draw(seed, names=NEW_SHAPES)
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=95, subsampling=0)
    file: FilePayload = {"name": f"drawn-{seed}.jpg", "mimeType": "image/jpeg", "buffer": jpeg.getvalue()}
    return Drawing(file, picture.width, picture.height, shapes)


def upload(page: Page, pictures: Iterable[Drawing]) -> None:
    """Through the upload page, until the last one is recognised."""
    files = [drawing.file for drawing in pictures]
    page.goto("/upload/")
    page.locator("#files").set_input_files(files)
    done = f"{len(files)} of {len(files)}"
    expect(page.locator("[data-summary]")).to_contain_text(done, timeout=5 * PATIENCE)


def correct(reviewer: Reviewer, pictures: Iterable[Drawing]) -> int:
    """Draw every shape of every picture with the mouse and complete it. Returns how many boxes were drawn."""
    known = {drawing.file["name"]: drawing for drawing in pictures}
    boxes = 0
    for left in range(len(known), 0, -1):
        drawing = known[str(reviewer.filename.text_content()).strip()]
        for shape in drawing.shapes:
            _draw(reviewer, drawing, shape)
            boxes += 1
        if left > 1:
            reviewer.complete()
        else:
            reviewer.press("Enter")
    expect(reviewer.page.get_by_role("heading", name="Nothing waits here")).to_be_visible(timeout=PATIENCE)
    return boxes


def _draw(reviewer: Reviewer, drawing: Drawing, shape: DrawnShape) -> None:
    page = reviewer.page
    # A box that was kept just now takes the keys until its dialog has closed for good.
    expect(page.get_by_role("button", name="Draw D")).to_be_visible()
    reviewer.press("d")
    place = page.locator("[data-picture]").bounding_box()
    assert place is not None
    across, down = place["width"] / drawing.width, place["height"] / drawing.height
    page.mouse.move(place["x"] + shape.left * across, place["y"] + shape.top * down)
    page.mouse.down()
    page.mouse.move(place["x"] + shape.right * across, place["y"] + shape.bottom * down, steps=3)
    page.mouse.up()
    reviewer.answer(TITLES[shape.name])
