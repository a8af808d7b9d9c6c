"""Folders of drawn pictures as a dataset's export lays them out: for tests, benchmarks and the tutorial.

`python -m training.drawn FOLDER` writes pictures of three shapes that the start “tiny-shapes” does not know.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.config import whole
from training.shapes import NEW_SHAPES, SHAPES, draw

# Numbers of pictures that no two splits share, whatever the seed.
_SPLIT_SEEDS: Mapping[str, int] = {"train": 0, "validation": 1_000_000, "test": 2_000_000}
_SEED_STRIDE = 10_000
_QUALITY = 95


def write_folder(
    folder: Path,
    names: Sequence[str] = NEW_SHAPES,
    *,
    train: int = 40,
    validation: int = 20,
    test: int = 40,
    seed: int = 0,
) -> Path:
    """Write so many pictures for each split, 320 x 320 pixels, with their lists in COCO's form. Returns `folder`."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "annotations").mkdir(exist_ok=True)
    for split, pictures in {"train": train, "validation": validation, "test": test}.items():
        first = _SPLIT_SEEDS[split] + seed * _SEED_STRIDE
        document = _list(folder, names, range(first, first + pictures))
        (folder / "annotations" / f"{split}.json").write_text(json.dumps(document))
    return folder


def _list(folder: Path, names: Sequence[str], seeds: range) -> dict[str, Any]:
    categories = [{"id": number, "name": name, "supercategory": ""} for number, name in enumerate(names, start=1)]
    document: dict[str, Any] = {"info": {"description": "Drawn shapes, version 1"}, "categories": categories}
    document |= {"images": [], "annotations": []}
    for number, seed in enumerate(seeds, start=1):
        picture, shapes = draw(seed, names=names)
        jpeg = io.BytesIO()
        picture.save(jpeg, "JPEG", quality=_QUALITY, subsampling=0)
        name = f"images/{hashlib.sha256(jpeg.getvalue()).hexdigest()}.jpg"
        (folder / name).write_bytes(jpeg.getvalue())
        size = {"width": picture.width, "height": picture.height}
        document["images"].append({"id": number, "file_name": name, **size})
        for shape in shapes:
            box = [shape.left, shape.top, shape.right - shape.left, shape.bottom - shape.top]
            about = {"id": len(document["annotations"]) + 1, "image_id": number, "iscrowd": 0}
            category = names.index(shape.name) + 1
            document["annotations"].append({**about, "category_id": category, "bbox": box, "area": shape.area})
    return document


def main(arguments: Sequence[str]) -> int:
    """The process's exit status."""
    options = _parser().parse_args(arguments)
    folder: Path = options.folder
    try:
        # Lists of the same names would be written over, and they may be of somebody's own pictures.
        if folder.is_dir() and any(folder.iterdir()):
            return _refused(f"{folder} is not empty: give a folder that is, or a new one.")
        counts = {split: getattr(options, split) for split in _SPLIT_SEEDS}
        write_folder(folder, list(dict.fromkeys(options.names)), **counts, seed=options.seed)
    except OSError as error:
        return _refused(f"{folder} cannot be written: {error.strerror or error}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder to write")
    parser.add_argument("--names", nargs="+", choices=(*SHAPES, *NEW_SHAPES), default=NEW_SHAPES, metavar="SHAPE")
    parser.add_argument("--train", type=_count, default=40, help="pictures to train on (default: %(default)s)")
    parser.add_argument("--validation", type=_count, default=20, help="to choose by (default: %(default)s)")
    parser.add_argument("--test", type=_count, default=40, help="to measure on (default: %(default)s)")
    parser.add_argument(
        "--seed", type=whole, default=0, help="another seed draws other pictures (default: %(default)s)"
    )
    return parser


def _count(text: str) -> int:
    """An argparse type: so many that no two seeds share one."""
    if (number := whole(text)) > _SEED_STRIDE:
        raise argparse.ArgumentTypeError(f"must be at most {_SEED_STRIDE}")
    return number


def _refused(sentence: str) -> int:
    sys.stderr.write(sentence + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
