"""Which files an upload takes, and what it says of the others."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from imagesift.finding import FOLDER, HIDDEN, NOT_AN_IMAGE, find


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name in ("b.JPG", "a.heic", "notes.txt", ".hidden.jpg", "below/c.png", "below/deeper/d.avif", ".git/e.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"12345")
    return root


def names(root: Path, *, recursive: bool) -> list[str]:
    return [path.relative_to(root).as_posix() for path in find([root], recursive=recursive).files]


def test_a_folder_gives_its_own_images_in_the_order_of_their_names(tree: Path) -> None:
    assert names(tree, recursive=False) == ["a.heic", "b.JPG"]


def test_recursion_takes_the_folders_below_but_no_hidden_ones(tree: Path) -> None:
    assert names(tree, recursive=True) == ["a.heic", "b.JPG", "below/c.png", "below/deeper/d.avif"]


def test_all_that_is_left_out_has_a_reason(tree: Path) -> None:
    skipped = {each.path.name: each.reason for each in find([tree], recursive=False).skipped}
    assert skipped == {"notes.txt": NOT_AN_IMAGE, ".hidden.jpg": HIDDEN, "below": FOLDER, ".git": HIDDEN}


def test_a_file_that_is_named_twice_counts_once(tree: Path) -> None:
    found = find([tree, tree / "b.JPG", tree / "b.JPG"], recursive=False)
    assert len(found.files) == 2
    assert found.total_bytes == 10


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_in_circles_end(tree: Path) -> None:
    (tree / "below" / "up").symlink_to(tree)
    (tree / "circle.jpg").symlink_to(tree / "circle.jpg")
    found = find([tree], recursive=True)
    assert len(found.files) == 4
    assert [path.name for path, _ in found.unreadable] == ["circle.jpg"]
