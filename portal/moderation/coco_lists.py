"""Lists of boxes in COCO's form that somebody brings along, read and checked before anything is stored.

Source of the format: https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recognition.result import Box


class ListError(Exception):
    """What is wrong with a list, as a sentence for whoever brings it."""


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """`box` is in fractions of the upright picture."""

    label: str
    box: Box


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture file with its boxes; its size in pixels is the one that they were drawn on."""

    path: Path
    width: int
    height: int
    boxes: tuple[LabelledBox, ...]


def read_folder(folder: Path) -> tuple[LabelledPicture, ...]:
    """All pictures of all lists in `folder/annotations`, or in the folder itself; pictures lie below the folder.

    Raises ListError for the first thing that is wrong.
    """
    files = sorted((folder / "annotations").glob("*.json")) or sorted(folder.glob("*.json"))
    if not files:
        raise ListError(f"There is no list in {folder}: no .json file, there or in annotations/.")
    pictures: dict[Path, LabelledPicture] = {}
    for file in files:
        for picture in _pictures(folder, file):
            if picture.path in pictures:
                raise ListError(f"{file.name}: {picture.path.name} is in several lists or twice in one.")
            pictures[picture.path] = picture
    return tuple(pictures.values())


def _pictures(folder: Path, file: Path) -> Iterator[LabelledPicture]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        labels = {category["id"]: str(category["name"]) for category in document["categories"]}
        boxes: dict[Any, list[Mapping[str, Any]]] = {image["id"]: [] for image in document["images"]}
        for annotation in document["annotations"]:
            boxes[annotation["image_id"]].append(annotation)
        for image in document["images"]:
            yield _picture(folder, image, boxes[image["id"]], labels)
    except ListError as error:
        raise ListError(f"{file.name}: {error}") from None
    except KeyError as error:
        raise ListError(f"{file.name}: {error.args[0]!r} is missing, or names what is not there.") from None
    except (ValueError, TypeError, AttributeError, OverflowError, OSError) as error:
        raise ListError(f"{file.name} is no list in COCO's form: {error}") from None


def _picture(
    folder: Path, image: Mapping[str, Any], annotations: Iterable[Mapping[str, Any]], labels: Mapping[Any, str]
) -> LabelledPicture:
    name, width, height = str(image["file_name"]), int(image["width"]), int(image["height"])
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ListError(f"{name} lies outside of the folder.")
    if not path.is_file():
        raise ListError(f"there is no file {name}.")
    if width < 1 or height < 1:
        raise ListError(f"{name} has no size.")
    boxes = []
    for annotation in annotations:
        box = _box(annotation["bbox"], width, height)
        if box is None:
            raise ListError(f"the box {annotation['id']} lies outside of {name}.")
        boxes.append(LabelledBox(labels[annotation["category_id"]], box))
    return LabelledPicture(path, width, height, tuple(boxes))


def _box(corners: list[float], width: int, height: int) -> Box | None:
    """From [left, top, width, height] in pixels; None when nothing of it is in the picture."""
    left, top, across, down = (float(value) for value in corners)
    if not all(map(math.isfinite, (left, top, across, down))):
        raise ValueError(f"a box is four numbers, not {corners}")
    return Box.clipped(left / width, top / height, (left + across) / width, (top + down) / height)
