"""What a training job on SageMaker learns from, laid out in the bucket of results.

Pictures are the previews that are there already, upright JPEGs of at most 1,600 pixels: nothing here could make larger
ones. The training scales the boxes to them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from math import inf
from typing import Any, Final

from django.core.files.base import ContentFile
from django.core.files.storage import storages

from portal.finetuning.ancestry import NOTHING_UNKNOWN, known_to_start
from portal.finetuning.baselines import baselines
from portal.finetuning.coco import coco_stream
from portal.finetuning.copies import copy, keys_under
from portal.finetuning.models import DatasetImage, DatasetSnapshot, ModelVersion, Place, VersionState, file_name
from portal.finetuning.outgoing import data_folder
from portal.finetuning.problems import CannotTrain
from portal.finetuning.splitting import Split
from portal.images.erasing import owe
from portal.images.models import Image

_AT_ONCE: Final = 200
_NOTHING_LEFT: Final = (
    "No picture is left in the dataset’s part “{split}”: its images were deleted. Make a new version of the dataset."
)


def collect_pictures(snapshot: DatasetSnapshot, until: float) -> tuple[int, bool]:
    """Copy previews to where a dataset's pictures lie, those that are missing there. None is begun after
    time.monotonic() passed `until`.

    Returns how many pictures are there, and whether there is nothing left to do: what has no preview is left out.
    """
    there = pictures_there(snapshot)
    rows = list(snapshot.images.order_by("sha256").values_list("pk", "sha256", "image"))
    missing = iter([row for row in rows if file_name(row[1]) not in there])
    arrived, is_done = len(rows) - sum(file_name(row[1]) not in there for row in rows), True
    while is_done and (some := list(islice(missing, _AT_ONCE))):
        made, tried = _copy_previews(snapshot, {pk: (sha256, image) for pk, sha256, image in some}, until)
        arrived, is_done = arrived + made, tried == len(some)
    return arrived, is_done


def copy_previews(snapshot: DatasetSnapshot, rows: Iterable[DatasetImage]) -> None:
    """The same for these images alone, each of them anew, however long it takes."""
    _copy_previews(snapshot, {row.pk: (row.sha256, row.image_id) for row in rows}, inf)


def pictures_there(snapshot: DatasetSnapshot) -> set[str]:
    """The names, within the dataset's folder, of the pictures that are stored."""
    folder = f"{snapshot.folder}/"
    return {key.removeprefix(folder) for key in keys_under(f"{folder}images/")}


def lists_of_jobs(snapshot: DatasetSnapshot) -> list[str]:
    """Folders of lists that jobs under way learn from: they name the pictures, and what is on them."""
    jobs = ModelVersion.objects.filter(dataset=snapshot, place=Place.SAGEMAKER).exclude(job_name="")
    active = jobs.filter(state__in=[VersionState.QUEUED, VersionState.TRAINING])
    return [data_folder(version) for version in active]


def write_lists(version: ModelVersion, folder: str) -> None:
    """Write `annotations/` into a folder of the bucket, `baselines.json` in it, with what has a picture.

    Test pictures that what it starts from has learnt from are left out. Raises CannotTrain when a split has none left.
    """
    snapshot = version.dataset
    there = pictures_there(snapshot)
    known = {file_name(sha256) for sha256 in known_to_start(version)}
    for split in Split:
        document = json.loads("".join(coco_stream(snapshot, split)))
        kept = leave_only(document, there - known if split == Split.TEST else there)
        if not kept:
            raise CannotTrain(NOTHING_UNKNOWN if known and split == Split.TEST else _NOTHING_LEFT.format(split=split))
        _store(f"{folder}/annotations/{split}.json", document)
        if split == Split.TEST:
            hashes = (name.removeprefix("images/").removesuffix(".jpg") for name in kept)
            _store(f"{folder}/annotations/baselines.json", baselines(snapshot, hashes))


def leave_only(document: dict[str, Any], names: set[str]) -> list[str]:
    """Take all other images and their boxes out of one split's list. Returns the names of those that stay."""
    kept = [image for image in document["images"] if image["file_name"] in names]
    numbers = {image["id"] for image in kept}
    document["images"] = kept
    document["annotations"] = [each for each in document["annotations"] if each["image_id"] in numbers]
    return [image["file_name"] for image in kept]


def _copy_previews(snapshot: DatasetSnapshot, rows: Mapping[int, tuple[str, Any]], until: float) -> tuple[int, int]:
    """`rows` are hashes and images by the key of DatasetImage. Returns how many were copied, and tried."""
    images = Image.objects.in_bulk([image for _, image in rows.values()])
    targets = {
        f"{snapshot.folder}/{file_name(sha256)}": images[image].preview_key
        for sha256, image in rows.values()
        if image in images
    }
    done = copy(targets, until)
    still = set(snapshot.images.filter(pk__in=list(rows)).values_list("sha256", flat=True))
    # Somebody deleted it just now.
    gone = {f"{snapshot.folder}/{file_name(sha256)}" for sha256, _ in rows.values() if sha256 not in still}
    owe(("derived", target) for target in done if target in gone)
    return sum(done.values()), len(done) + len(rows) - len(targets)


def _store(key: str, document: object) -> None:
    storages["derived"].save(key, ContentFile(json.dumps(document, ensure_ascii=False).encode()))
