"""A dataset's folder is read as it was written, and whatever is wrong with it is named."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.training import datasets
from training.data import DataError, PictureGone, load, present, read_picture, require_pictures
from training.drawn import write_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return datasets.folder(tmp_path / "data")


def test_splits_classes_and_boxes_come_as_they_were_written(folder: Path) -> None:
    dataset = load(folder)
    assert dataset.classes == ("cat", "dog")
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [2, 1, 1]
    assert dataset.description == "pets, version 2"
    first = dataset.train[0]
    assert (first.file_name, first.width, first.height) == ("images/a.png", 64, 48)
    assert first.labels.tolist() == [0, 1]
    assert np.allclose(first.boxes, [[0.125, 0.25, 0.25, 0.5], [0.5078125, 0, 0.4921875, 1]])
    assert read_picture(first).getpixel((0, 0)) == (200, 0, 90)


def test_a_drawn_dataset_is_read(tmp_path: Path) -> None:
    dataset = load(write_folder(tmp_path, train=3, validation=1, test=2))
    assert dataset.classes == ("arrow", "cross", "heart")
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [3, 1, 2]


def test_a_smaller_copy_of_a_picture_keeps_its_boxes(folder: Path) -> None:
    Image.new("RGB", (32, 24)).save(folder / "images/a.png")
    first = load(folder).train[0]
    assert np.allclose(first.boxes[0], [0.125, 0.25, 0.25, 0.5])
    assert read_picture(first).size == (32, 24)


def test_a_picture_that_lies_on_its_side_is_measured_and_read_upright(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (48, 64)).save(folder / "images/a.png", exif=exif)
    assert read_picture(load(folder).train[0]).size == (64, 48)


def test_a_box_that_stands_out_by_a_rounding_is_cut_off_at_the_edge(folder: Path) -> None:
    changed(folder, lambda content: content["annotations"][1].update(bbox=[32.01, -0.4, 32, 48.9]))
    left, top, width, height = load(folder).train[0].boxes[1].tolist()
    assert (top, height) == (0, 1)
    assert left + width <= 1


def test_a_crowd_is_left_out(folder: Path) -> None:
    changed(folder, lambda content: content["annotations"][0].update(iscrowd=1))
    assert load(folder).train[0].labels.tolist() == [1]


def changed(folder: Path, change: Callable[[dict[str, Any]], object], split: str = "train") -> None:
    content = datasets.document(*{"train": ("images/a.png", "images/b.png")}.get(split, ("images/c.png",)))
    change(content)
    datasets.write(folder, split, content)


WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], tuple[str, ...]]] = {
    "a box to the right of its picture": (
        lambda content: content["annotations"][2].update(bbox=[60, 10, 20, 20]),
        ("train.json", "annotation 3", "images/b.png", "out of bounds", "64 x 48"),
    ),
    "a box above its picture": (
        lambda content: content["annotations"][0].update(bbox=[0, -9, 20, 20]),
        ("annotation 1", "images/a.png", "out of bounds"),
    ),
    "a box without area": (
        lambda content: content["annotations"][0].update(bbox=[0, 0, 20, 0]),
        ("annotation 1", "no area"),
    ),
    "a box that is no numbers": (
        lambda content: content["annotations"][0].update(bbox=[0, 0, float("nan"), 5]),
        ("annotation 1", "four numbers"),
    ),
    "an unknown class": (
        lambda content: content["annotations"][0].update(category_id=5),
        ("annotation 1", "images/a.png", "category 5"),
    ),
    "an annotation on no image": (
        lambda content: content["annotations"][0].update(image_id=77),
        ("annotation 1", "image 77"),
    ),
    "a missing image": (
        lambda content: content["images"][1].update(file_name="images/gone.png"),
        ("images/gone.png", "not there"),
    ),
    "a file outside the folder": (
        lambda content: content["images"][1].update(file_name="../../secret.png"),
        ("image 2", "outside"),
    ),
    "another size": (
        lambda content: content["images"][0].update(width=63, height=47),
        ("images/a.png", "64 x 48", "63 x 47"),
    ),
    "another shape": (
        lambda content: content["images"][0].update(width=128, height=128),
        ("images/a.png", "another shape"),
    ),
    "two images of one id": (lambda content: content["images"][1].update(id=1), ("same id",)),
    "an image without a size": (lambda content: content["images"][0].pop("width"), ("image 1", "width")),
    "no categories": (lambda content: content.update(categories=[]), ("names no categories",)),
    "two categories of one name": (lambda content: content["categories"][0].update(name="cat"), ("same name",)),
    "other categories than the other lists": (
        lambda content: content["categories"].append({"id": 9, "name": "fish"}),
        ("validation.json", "other categories"),
    ),
    "an id that is a list": (lambda content: content["images"][0].update(id=[1]), ("neither a number nor a text",)),
    "an image_id that is a list": (lambda content: content["annotations"][0].update(image_id=[1]), ("image_id",)),
    "a category_id that is a list": (
        lambda content: content["annotations"][0].update(category_id=[1]),
        ("category_id",),
    ),
    "a width beyond all numbers": (lambda content: content["images"][0].update(width=10**400), ("image 1", "width")),
    "a box beyond all numbers": (
        lambda content: content["annotations"][0].update(bbox=[0, 0, 10**400, 5]),
        ("annotation 1", "four numbers"),
    ),
    "a name that no file can have": (
        lambda content: content["images"][1].update(file_name="images/\0.png"),
        ("image 2", "no file can have"),
    ),
    "no images to learn from": (
        lambda content: content.update(images=[], annotations=[]),
        ("train.json", "lists no images"),
    ),
    "no boxes to learn from": (lambda content: content.update(annotations=[]), ("no annotations",)),
    "another format": (lambda content: content.pop("annotations"), ("“annotations”", "COCO")),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_named(folder: Path, wrong: str) -> None:
    change, words = WRONG[wrong]
    changed(folder, change)
    with pytest.raises(DataError) as caught:
        load(folder)
    for word in words:
        assert word in str(caught.value)


def test_two_classes_that_are_shown_by_one_name_are_named(folder: Path) -> None:
    for path in (folder / "annotations").iterdir():
        path.write_text(path.read_text().replace('"cat"', '"Dog"'))
    with pytest.raises(DataError, match=r"one name: “Dog” and “dog”|one name: “dog” and “Dog”"):
        load(folder)


@pytest.mark.parametrize("info", [None, [], "words"])
def test_what_a_list_says_of_itself_does_not_matter(folder: Path, info: object) -> None:
    changed(folder, lambda content: content.update(info=info))
    assert load(folder).description == ""


def test_a_picture_that_only_claims_to_be_huge_is_named(folder: Path) -> None:
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    content = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(head)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (folder / "images/a.png").write_bytes(content)
    with pytest.raises(DataError, match=r"images/a\.png cannot be read as a picture"):
        load(folder)


def test_pictures_that_cannot_be_decoded_are_found_before_a_training(folder: Path) -> None:
    samples = load(folder).train
    require_pictures(samples)
    samples[0].path.unlink()
    require_pictures(samples)
    content = samples[1].path.read_bytes()
    samples[1].path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=samples[1].file_name):
        require_pictures(samples)


def test_a_missing_list_is_named(folder: Path) -> None:
    (folder / "annotations/test.json").unlink()
    with pytest.raises(DataError, match=r"test\.json cannot be read"):
        load(folder)


def test_a_list_that_is_no_json_is_named(folder: Path) -> None:
    (folder / "annotations/test.json").write_text("{")
    with pytest.raises(DataError, match=r"test\.json is not JSON"):
        load(folder)


def test_a_file_that_is_no_picture_is_named(folder: Path) -> None:
    (folder / "images/b.png").write_bytes(b"no picture at all")
    with pytest.raises(DataError, match=r"images/b\.png cannot be read"):
        load(folder)


def test_a_picture_that_is_cut_off_is_named(folder: Path) -> None:
    Image.effect_noise(datasets.SIZE, 90).convert("RGB").save(folder / "images/a.png", "JPEG")
    whole = (folder / "images/a.png").read_bytes()
    (folder / "images/a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"images/a\.png cannot be read.*cut off"):
        read_picture(load(folder).train[0])


def test_a_picture_that_is_learned_from_and_tested_on_is_named(folder: Path) -> None:
    datasets.write(folder, "test", datasets.document("images/b.png"))
    with pytest.raises(DataError, match=r"images/b\.png is in two splits: train and test"):
        load(folder)


def test_pictures_removed_meanwhile_are_told_from_broken_ones(folder: Path) -> None:
    dataset = load(folder)
    (folder / "images/a.png").unlink()
    assert [sample.file_name for sample in present(dataset.train)] == ["images/b.png"]
    with pytest.raises(PictureGone, match=r"images/a\.png"):
        read_picture(dataset.train[0])
