"""A list that is COCO's JSON only nearly ends in a sentence and never in a traceback; odd pictures are measured as
they are decoded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from recognition.formats import identify
from tests.training import datasets
from training.data import DataError, load, read_picture

_SIDEWAYS = 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return datasets.folder(tmp_path / "data")


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = datasets.document("images/a.png", "images/b.png")
    change(content)
    datasets.write(folder, "train", content)


MALFORMED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "an image that is no object": (
        lambda content: content["images"].__setitem__(0, 5),
        "image None, whose id is neither a number nor a text: None.",
    ),
    "an image without an id": (
        lambda content: content["images"][0].pop("id"),
        "image None, whose id is neither a number nor a text: None.",
    ),
    "an annotation that is no object": (
        lambda content: content["annotations"].__setitem__(0, 5),
        "annotation None, whose image_id is neither a number nor a text: None.",
    ),
    "an annotation without its image": (
        lambda content: content["annotations"][2].pop("image_id"),
        "annotation 3, whose image_id is neither a number nor a text: None.",
    ),
    "an annotation on an object": (
        lambda content: content["annotations"][2].update(image_id={"id": 1}),
        "annotation 3, whose image_id is neither a number nor a text: {'id': 1}.",
    ),
    "an annotation of a list": (
        lambda content: content["annotations"][1].update(category_id=[7]),
        "annotation 2, whose category_id is neither a number nor a text: [7].",
    ),
    "a category without a name": (
        lambda content: content["categories"][0].update(name=None),
        "a category without id or name: {'id': 7, 'name': None}.",
    ),
    "a category of no letters": (
        lambda content: content["categories"][0].update(name=" "),
        "a category without id or name: {'id': 7, 'name': ' '}.",
    ),
    "a category of an endless number": (
        lambda content: content["categories"][0].update(id=float("inf")),
        "a category without id or name: {'id': inf, 'name': 'dog'}.",
    ),
    "a category that is no object": (
        lambda content: content["categories"].__setitem__(0, "dog"),
        "a category without id or name: 'dog'.",
    ),
    "a name that leads in a circle": (
        lambda content: content["images"][0].update(file_name="images/loop"),
        "image 1 with a file_name that no file can have.",
    ),
    "a name that is half a character": (
        lambda content: content["images"][0].update(file_name="images/\ud800.png"),
        "image 1 with a file_name that no file can have.",
    ),
}


@pytest.mark.parametrize("malformed", MALFORMED)
def test_the_list_and_the_entry_are_named(folder: Path, malformed: str) -> None:
    change, sentence = MALFORMED[malformed]
    (folder / "images/loop").symlink_to("loop")
    changed(folder, change)
    with pytest.raises(DataError) as caught:
        load(folder)
    assert str(caught.value) == f"annotations/train.json has {sentence}"


def test_a_number_of_four_hundred_digits_is_named_in_few(folder: Path) -> None:
    changed(folder, lambda content: content["annotations"][0].update(bbox=[10**400, 0, 1, 1]))
    with pytest.raises(DataError, match=r"train\.json has annotation 1 on images/a\.png without a box") as caught:
        load(folder)
    assert len(str(caught.value)) < 200


def test_a_list_of_lists_of_lists_is_no_json_for_us(folder: Path) -> None:
    (folder / "annotations/test.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match=r"test\.json is not JSON"):
        load(folder)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp", "avif"])
def test_a_picture_on_its_side_is_measured_as_it_is_decoded_whatever_its_format(folder: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = _SIDEWAYS
    Image.effect_noise((48, 64), 90).convert("RGB").save(folder / f"images/a.{suffix}", exif=exif)
    changed(folder, lambda content: content["images"][0].update(file_name=f"images/a.{suffix}"))
    assert read_picture(load(folder).train[0]).size == (64, 48)


def test_a_picture_is_let_in_up_to_the_limit_of_decoding_and_not_of_pillow(folder: Path) -> None:
    assert Image.MAX_IMAGE_PIXELS is not None
    width, height = 16_000, 12_000
    assert 2 * Image.MAX_IMAGE_PIXELS < width * height < 200_000_000
    Image.new("1", (width, height)).save(folder / "images/a.png")
    changed(folder, lambda content: content["images"][0].update(width=width, height=height))
    assert load(folder).train[0].width == width


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_what_decoding_refuses_is_refused_before_the_training(folder: Path, suffix: str) -> None:
    Image.new("RGB", (8, 6)).save(folder / f"images/a.{suffix}")
    changed(folder, lambda content: content["images"][0].update(file_name=f"images/a.{suffix}"))
    with pytest.raises(DataError, match=rf"images/a\.{suffix} cannot be read as a picture: .* too small"):
        load(folder)


def test_a_jpeg_of_too_many_pixels_is_named(folder: Path) -> None:
    path = folder / "images/a.jpg"
    Image.new("L", (64, 48)).save(path)
    content = path.read_bytes()
    at = content.index(b"\xff\xc0") + 5
    path.write_bytes(content[:at] + b"\xea\x60\xea\x60" + content[at + 4 :])
    assert identify(path.read_bytes()) == "JPEG"
    changed(folder, lambda content: content["images"][0].update(file_name="images/a.jpg", width=60_000, height=60_000))
    with pytest.raises(DataError, match=r"images/a\.jpg cannot be read as a picture: .* too large"):
        load(folder)


def test_a_folder_in_the_place_of_a_picture_is_named(folder: Path) -> None:
    changed(folder, lambda content: content["images"][0].update(file_name="images"))
    with pytest.raises(DataError, match="images cannot be read as a picture: Is a directory"):
        load(folder)
