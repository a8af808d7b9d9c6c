"""What a training reads: a dataset as a folder of this machine, and what the running detectors said of its test images.

Needs imaging libraries, which the portal on AWS does not have.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

from portal.finetuning.ancestry import NOTHING_UNKNOWN, known_to_start
from portal.finetuning.baselines import baselines
from portal.finetuning.coco import Report
from portal.finetuning.models import DatasetSnapshot, ModelVersion, file_name
from portal.finetuning.problems import CannotTrain
from portal.finetuning.splitting import Split
from portal.finetuning.storing import list_name, remove_strangers, write_folder

BASELINES: Final = "baselines.json"

_NOTHING_LEFT: Final = (
    "No picture is left in the dataset’s part “{split}”: its images were deleted. Make a new version of the dataset."
)


def write_inputs(version: ModelVersion, folder: Path, report: Report) -> None:
    """Write the folder anew, as the version's dataset is now. Raises CannotTrain when a split has no picture left.

    Images whose originals are gone are left out, and test images that what it starts from has learnt from. `report`
    hears of images as they are written, and may raise.
    """
    snapshot = version.dataset
    known = {file_name(sha256) for sha256 in known_to_start(version)}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    write_folder(snapshot, folder, pictures=True, report=report)
    for split in Split:
        kept = _keep_what_is_there(folder, split, known if split == Split.TEST else set())
        if not kept:
            raise CannotTrain(NOTHING_UNKNOWN if known and split == Split.TEST else _NOTHING_LEFT.format(split=split))
        if split == Split.TEST:
            document = baselines(snapshot, (Path(name).stem for name in kept))
            (folder / BASELINES).write_text(json.dumps(document), encoding="utf-8")


def prune(snapshot: DatasetSnapshot, folder: Path) -> None:
    """Remove the pictures of images that were deleted since the folder was written."""
    if folder.is_dir():
        remove_strangers(snapshot, folder)


def _keep_what_is_there(folder: Path, split: Split, known: set[str]) -> list[str]:
    """Leave in the list of a split what has a picture and is not known. Returns the names of those pictures."""
    path = folder / list_name(split)
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    names = (image["file_name"] for image in document["images"])
    there = {name for name in names if name not in known and (folder / name).is_file()}
    kept = [image for image in document["images"] if image["file_name"] in there]
    if len(kept) < len(document["images"]):
        numbers = {image["id"] for image in kept}
        document["images"] = kept
        document["annotations"] = [each for each in document["annotations"] if each["image_id"] in numbers]
        path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return [image["file_name"] for image in kept]
