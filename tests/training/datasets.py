"""Small folders of data to break in one place each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image

SIZE = (64, 48)


def document(*files: str) -> dict[str, Any]:
    """A list of pictures of 64 x 48 pixels, each with one cat and one dog."""
    images = [
        {"id": number, "file_name": name, "width": SIZE[0], "height": SIZE[1]}
        for number, name in enumerate(files, start=1)
    ]
    annotations = []
    for image in images:
        boxes = ((3, [8, 12, 16, 24]), (7, [32.5, 0, 31.5, 48]))
        for category, box in boxes:
            about = {"id": len(annotations) + 1, "image_id": image["id"], "iscrowd": 0}
            annotations.append({**about, "category_id": category, "bbox": box})
    categories = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}]
    return {"info": {"description": "pets, version 2"}, "images": images, "annotations": annotations} | {
        "categories": categories
    }


def folder(path: Path) -> Path:
    """Two pictures to train on, one to validate with and one to test with."""
    (path / "images").mkdir(parents=True)
    splits = {"train": ("a", "b"), "validation": ("c",), "test": ("d",)}
    for part, (split, names) in enumerate(splits.items()):
        files = [f"images/{name}.png" for name in names]
        for number, file in enumerate(files):
            Image.new("RGB", SIZE, (200 + part, 40 * number, 90)).save(path / file)
        write(path, split, document(*files))
    return path


def write(path: Path, split: str, content: dict[str, Any]) -> None:
    (path / "annotations").mkdir(exist_ok=True)
    (path / "annotations" / f"{split}.json").write_text(json.dumps(content))
