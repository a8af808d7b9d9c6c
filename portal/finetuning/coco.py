"""A snapshot as COCO's JSON for object detection, streamed: in constant memory, however many images there are.

Source of the format: https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from portal.finetuning.models import DatasetSnapshot, file_name
from portal.finetuning.splitting import Split

_AT_ONCE = 2000

# One encoder for all: making one anew takes as long as what it is for.
_json = json.JSONEncoder(ensure_ascii=False).encode

Report = Callable[[int], None]


def coco_stream(snapshot: DatasetSnapshot, split: Split, report: Report = lambda _images: None) -> Iterator[str]:
    """One split as one JSON document. The same rows make the same bytes.

    Numbers run from 1 in the order of the images' hashes; boxes are [left, top, width, height] in pixels of the upright
    picture `file_name`. `report` hears of each of the images as its boxes are written.
    """
    yield "{" + ", ".join(f'"{key}": {_json(value)}' for key, value in _head(snapshot).items())
    yield ', "images": ['
    yield from _listed(_images(snapshot, split))
    yield '], "annotations": ['
    yield from _listed(_annotations(snapshot, split, report))
    yield "]}\n"


def _head(snapshot: DatasetSnapshot) -> dict[str, Any]:
    return {
        "info": {
            "description": f"{snapshot.name}, version {snapshot.version}",
            "url": "",
            "version": str(snapshot.version),
            "year": snapshot.made_at.year,
            "contributor": snapshot.author_name,
            "date_created": snapshot.made_at.isoformat(),
        },
        "licenses": [{"id": 1, "name": snapshot.licence or "No licence was noted.", "url": ""}],
        "categories": [{**category, "supercategory": ""} for category in snapshot.categories],
    }


def _images(snapshot: DatasetSnapshot, split: Split) -> Iterator[list[str]]:
    numbers = count(1)
    for page in _pages(snapshot, split, "sha256", "width", "height"):
        lines = []
        for sha256, width, height in page:
            about = {"file_name": file_name(sha256), "width": width, "height": height, "license": 1}
            lines.append(_json({"id": next(numbers), **about}))
        yield lines


def _annotations(snapshot: DatasetSnapshot, split: Split, report: Report) -> Iterator[list[str]]:
    categories = {category["name"]: category["id"] for category in snapshot.categories}
    image_numbers, box_numbers = count(1), count(1)
    for page in _pages(snapshot, split, "sha256", "width", "height", "annotations"):
        lines = []
        for (_, width, height, boxes), image in zip(page, image_numbers, strict=False):
            for each in boxes:
                numbers = {"id": next(box_numbers), "image_id": image, "category_id": categories[each["label"]]}
                lines.append(_json({**numbers, **_box(each["box"], width, height), "iscrowd": 0}))
        yield lines
        report(len(page))


def _box(box: dict[str, float], width: int, height: int) -> dict[str, Any]:
    """In pixels, to a hundredth: fractions of a picture come back as the pixels that they were made of."""
    left, top = round(box["left"] * width, 2), round(box["top"] * height, 2)
    across, down = round(box["width"] * width, 2), round(box["height"] * height, 2)
    return {"bbox": [left, top, across, down], "area": round(across * down, 2)}


def _pages(snapshot: DatasetSnapshot, split: Split, *columns: str) -> Iterator[list[Any]]:
    last = ""
    while True:
        rows = snapshot.images.filter(split=split, sha256__gt=last).order_by("sha256")
        page = list(rows.values_list(*columns)[:_AT_ONCE])
        if not page:
            return
        last = page[-1][0]
        yield page


def _listed(pages: Iterator[list[str]]) -> Iterator[str]:
    separator = "\n"
    for page in pages:
        if page:
            yield separator + ",\n".join(page)
            separator = ",\n"
