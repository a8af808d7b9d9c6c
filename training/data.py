"""A dataset's folder, read and checked: annotations/{train,validation,test}.json in COCO's form, and images/.

Source of the format: https://cocodataset.org/#format-data
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as shortened
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.JpegImagePlugin import JpegImageFile

from recognition.decoding import MIN_SIDE, decode
from recognition.errors import PermanentError
from recognition.image import LONGEST_SIDE
from recognition.limits import Limits
from recognition.vocabulary import describe
from training.errors import TrainingFailed

SPLITS: Final = ("train", "validation", "test")

# Pixels that a box may stand out by: rounding, and what others' tools write at a picture's edge.
_SLACK: Final = 1.0
# Pixels, beyond any picture's side: the numbers of a list may be of any size.
_FARTHEST: Final = 1e9
# Share by which a smaller copy's aspect may differ; a pixel of rounding is allowed as well.
_ASPECT_SLACK: Final = 0.01
_SIDEWAYS: Final = frozenset({5, 6, 7, 8})
# A dataset's pictures were let in by the portal, whose limits are settings: these are above any of them.
_LIMITS: Final = Limits(max_pixels=200_000_000, max_bytes=500_000_000, max_decoder_bytes=2_000_000_000)


class DataError(TrainingFailed):
    """What is wrong with the data, as a sentence that names the file and the annotation."""


class PictureGone(DataError):
    """A picture was removed since the lists were read: its owner may delete it at any time."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A picture and its boxes. `width` and `height` are pixels as the list has them, the file may be smaller.

    `labels` are numbers of Dataset.classes, `boxes` fractions of the picture: left, top, width, height, one row each.
    """

    path: Path
    file_name: str
    width: int
    height: int
    labels: NDArray[np.int64]
    boxes: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """The splits share no content. `classes` are in the order of their ids; `validation` and `test` may be empty."""

    classes: tuple[str, ...]
    train: tuple[Sample, ...]
    validation: tuple[Sample, ...]
    test: tuple[Sample, ...]
    description: str


def load(folder: Path) -> Dataset:
    """Every list and every picture's size is checked. Raises DataError."""
    lists = {split: _List.read(folder / "annotations" / f"{split}.json") for split in SPLITS}
    classes = lists["train"].classes()
    for each in lists.values():
        each.require_same(classes)
    splits = {split: each.samples(folder, list(classes.values())) for split, each in lists.items()}
    _require_disjoint(splits)
    if not splits["train"]:
        raise lists["train"].error("lists no images, so there is nothing to learn from.")
    if not any(len(sample.labels) for sample in splits["train"]):
        raise lists["train"].error("has no annotations, so there is nothing to learn from.")
    description = str(_value(lists["train"].document.get("info"), "description") or "")
    return Dataset(tuple(classes.values()), **splits, description=description)


def read_picture(sample: Sample) -> Image.Image:
    """The picture as serving sees it: RGB, upright, its longest side at most 2,048 pixels.

    Raises PictureGone, and DataError for one that cannot be read.
    """
    try:
        return decode(sample.path.read_bytes(), LONGEST_SIDE, _LIMITS).picture
    except FileNotFoundError as error:
        raise PictureGone(f"{sample.file_name} is no longer there.") from error
    except PermanentError as error:
        raise DataError(f"{sample.file_name} cannot be read: {error.message}") from error
    except OSError as error:
        raise DataError(f"{sample.file_name} cannot be read: {error.strerror or error}.") from error


def require_pictures(samples: Sequence[Sample]) -> None:
    """That each can be decoded, or is gone. Raises DataError; asked before a training that would end with them."""
    for sample in samples:
        with suppress(PictureGone):
            read_picture(sample)


def present(samples: Sequence[Sample]) -> list[Sample]:
    """Those whose pictures were not removed meanwhile."""
    return [sample for sample in samples if sample.path.is_file()]


@dataclass(frozen=True, slots=True)
class _List:
    """One split's JSON file."""

    path: Path
    document: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> _List:
        try:
            document = json.loads(path.read_bytes())
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path} is not JSON: {error}.") from error
        for key in ("images", "annotations", "categories"):
            if not isinstance(document, dict) or not isinstance(document.get(key), list):
                raise DataError(f"{path} has no list “{key}”: it is not COCO's JSON for object detection.")
        return cls(path, document)

    def error(self, words: str) -> DataError:
        return DataError(f"annotations/{self.path.name} {words}")

    def classes(self) -> dict[int, str]:
        """Names by id, in the order of the ids."""
        named: dict[int, str] = {}
        for category in self.document["categories"]:
            number, name = _value(category, "id"), _value(category, "name")
            try:
                if not name.strip():
                    raise ValueError
                named[int(number)] = name
            except (AttributeError, TypeError, ValueError, OverflowError) as error:
                raise self.error(f"has a category without id or name: {shortened(category)}.") from error
        if not named:
            raise self.error("names no categories, so there is nothing to tell apart.")
        if len(set(named.values())) < len(self.document["categories"]):
            raise self.error("has two categories of the same name or id.")
        alike: dict[str, str] = {}
        for name in named.values():
            if (other := alike.setdefault(describe(name).name.casefold(), name)) != name:
                raise self.error(f"has two categories that are shown by one name: “{other}” and “{name}”.")
        return dict(sorted(named.items()))

    def require_same(self, classes: Mapping[int, str]) -> None:
        if self.classes() != classes:
            raise self.error("has other categories than annotations/train.json.")

    def samples(self, folder: Path, classes: Sequence[str]) -> tuple[Sample, ...]:
        numbers = {category: classes.index(name) for category, name in self.classes().items()}
        images = {self._id(image, "id"): image for image in self.document["images"]}
        if len(images) < len(self.document["images"]):
            raise self.error("has two images of the same id, or one without.")
        boxes: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
        for annotation in self.document["annotations"]:
            image = self._id(annotation, "image_id")
            if image not in images:
                raise self.error(f"has annotation {_shown(annotation, 'id')} on image {image}, which it does not list.")
            boxes[image].append(annotation)
        return tuple(self._sample(folder, image, boxes[number], numbers) for number, image in images.items())

    def _id(self, row: Any, key: str) -> Any:
        value = _value(row, key)
        if not isinstance(value, (int, float, str)):
            about = f"has {'image' if key == 'id' else 'annotation'} {_shown(row, 'id')}"
            raise self.error(f"{about}, whose {key} is neither a number nor a text: {shortened(value)}.")
        return value

    def _sample(
        self, folder: Path, image: Mapping[str, Any], annotations: list[Mapping[str, Any]], numbers: Mapping[int, int]
    ) -> Sample:
        name, width, height = (_value(image, key) for key in ("file_name", "width", "height"))
        if not (isinstance(name, str) and _is_size(width) and _is_size(height)):
            raise self.error(f"has image {_shown(image, 'id')} without file_name, width or height.")
        path = folder / name
        try:
            is_inside = path.resolve().is_relative_to(folder.resolve())
        except (OSError, RuntimeError, ValueError) as error:
            raise self.error(f"has image {_shown(image, 'id')} with a file_name that no file can have.") from error
        if not is_inside:
            raise self.error(f"has image {_shown(image, 'id')} outside the dataset's folder: {name}.")
        _check_picture(path, name, width, height)
        # A crowd's box is around many things at once: nothing to learn one thing's box from.
        kept = [each for each in annotations if not each.get("iscrowd")]
        labels = np.array([self._label(each, name, numbers) for each in kept], np.int64)
        boxes = np.array([self._box(each, name, width, height) for each in kept], np.float32)
        return Sample(path, name, int(width), int(height), labels, boxes.reshape(len(kept), 4))

    def _label(self, annotation: Mapping[str, Any], name: str, numbers: Mapping[int, int]) -> int:
        category = self._id(annotation, "category_id")
        if category not in numbers:
            about = f"has annotation {_shown(annotation, 'id')} on {name}"
            raise self.error(f"{about} of category {shortened(category)}, which it does not name.")
        return numbers[category]

    def _box(self, annotation: Mapping[str, Any], name: str, width: float, height: float) -> list[float]:
        box = _value(annotation, "bbox")
        about = f"has annotation {_shown(annotation, 'id')} on {name}"
        if not (isinstance(box, list) and len(box) == 4 and all(_is_number(value) for value in box)):
            raise self.error(f"{about} without a box of four numbers: {shortened(box)}.")
        left, top, across, down = box
        if across <= 0 or down <= 0:
            raise self.error(f"{about} with a box of no area: {box}.")
        right, bottom = left + across, top + down
        stands_out = min(left, top) < -_SLACK or right > width + _SLACK or bottom > height + _SLACK
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        if stands_out or right <= left or bottom <= top:
            raise self.error(f"{about} with a box out of bounds: {box} in a picture of {width} x {height} pixels.")
        return [left / width, top / height, (right - left) / width, (bottom - top) / height]


def _value(row: Any, key: str) -> Any:
    return row.get(key) if isinstance(row, dict) else None


def _shown(row: Any, key: str) -> str:
    return shortened(_value(row, key))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _FARTHEST


def _is_size(value: object) -> bool:
    return _is_number(value) and value > 0  # type: ignore[operator]


def _check_picture(path: Path, name: str, width: float, height: float) -> None:
    """That there is a picture of this size, or a smaller one of the same shape."""
    try:
        across, down = _size(path)
    except FileNotFoundError as error:
        raise DataError(f"{name} is listed, but not there.") from error
    except PermanentError as error:
        raise DataError(f"{name} cannot be read as a picture: {error.message}") from error
    except OSError as error:
        raise DataError(f"{name} cannot be read as a picture: {error.strerror or error}.") from error
    if across > width or down > height:
        raise DataError(f"{name} has {across} x {down} pixels, more than the {width} x {height} of the list.")
    due = across * height / width
    if abs(down - due) > max(1.0, _ASPECT_SLACK * due):
        raise DataError(f"{name} has {across} x {down} pixels, another shape than the {width} x {height} of the list.")


def _size(path: Path) -> tuple[int, int]:
    """Upright, by the readers that decode pictures. A JPEG's head is enough for it; other formats may say only at their
    end how they lie, and for all that is odd decoding has the sentence."""
    with suppress(Exception), JpegImageFile(path) as picture:
        width, height = picture.size
        if min(width, height) >= MIN_SIDE and width * height <= _LIMITS.max_pixels:
            is_sideways = picture.getexif().get(ExifTags.Base.Orientation) in _SIDEWAYS
            return (height, width) if is_sideways else (width, height)
    decoded = decode(path.read_bytes(), MIN_SIDE, _LIMITS)
    return decoded.width, decoded.height


def _require_disjoint(splits: Mapping[str, Sequence[Sample]]) -> None:
    """A picture that was learned from proves nothing when it is tested on, whatever it is called there."""
    files: dict[Path, tuple[str, str]] = {}
    contents: dict[bytes, tuple[str, str]] = {}
    for split, samples in splits.items():
        for sample in samples:
            path, here = sample.path.resolve(), (split, sample.file_name)
            if path in files:
                raise _listed_twice(files[path], here)
            files[path] = here
            with suppress(FileNotFoundError), path.open("rb") as file:  # deleted by its owner meanwhile
                same = contents.setdefault(hashlib.file_digest(file, "sha256").digest(), here)
                # Within a split it is no leak: of one original there may be files that differed in metadata alone.
                if same[0] != split:
                    raise _listed_twice(same, here)


def _listed_twice(one: tuple[str, str], other: tuple[str, str]) -> DataError:
    """Each is a split and a file's name there."""
    (split, name), (other_split, other_name) = one, other
    named = name if name == other_name else f"{name} (the same picture as {other_name})"
    if split == other_split:
        return DataError(f"{named} is listed twice in annotations/{split}.json.")
    return DataError(f"{named} is in two splits: {split} and {other_split}.")
