"""No picture is learned from and tested on, under whatever name, and none is counted twice; no two classes are one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.training import datasets
from training.data import DataError, load


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return datasets.folder(tmp_path / "data")


def refused(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        load(folder)
    return str(caught.value)


def test_a_file_by_another_path_is_known_again(folder: Path) -> None:
    datasets.write(folder, "train", datasets.document("images/a.png", "images/../images/d.png"))
    assert refused(folder) == (
        "images/../images/d.png (the same picture as images/d.png) is in two splits: train and test."
    )


def test_a_file_by_a_link_is_known_again(folder: Path) -> None:
    (folder / "images/b.png").unlink()
    (folder / "images/b.png").symlink_to("c.png")
    assert refused(folder) == (
        "images/b.png (the same picture as images/c.png) is in two splits: train and validation."
    )


def test_a_copy_under_another_name_is_known_again(folder: Path) -> None:
    shutil.copy(folder / "images/d.png", folder / "images/c.png")
    assert refused(folder) == "images/c.png (the same picture as images/d.png) is in two splits: validation and test."


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("images/a.png", "images/a.png is listed twice in annotations/train.json."),
        (
            "./images/a.png",
            "images/a.png (the same picture as ./images/a.png) is listed twice in annotations/train.json.",
        ),
    ],
)
def test_a_file_that_is_listed_twice_in_one_split_is_named(folder: Path, name: str, sentence: str) -> None:
    datasets.write(folder, "train", datasets.document("images/a.png", name))
    assert refused(folder) == sentence


def test_two_files_of_one_content_may_be_learned_from(folder: Path) -> None:
    """The portal writes them: of originals that differ in metadata alone come the same pictures."""
    shutil.copy(folder / "images/a.png", folder / "images/b.png")
    assert len(load(folder).train) == 2


@pytest.mark.parametrize(("one", "other"), [("red_car", "Red  Car"), ("tv", "TV"), ("Cell Phone", "mobile phone")])
def test_two_classes_that_serving_calls_the_same_are_named(folder: Path, one: str, other: str) -> None:
    for path in (folder / "annotations").iterdir():
        content = json.loads(path.read_text())
        content["categories"] = [{"id": 3, "name": one}, {"id": 7, "name": other}]
        path.write_text(json.dumps(content))
    sentence = refused(folder)
    assert sentence.startswith("annotations/train.json ")
    assert one in sentence
    assert other in sentence
