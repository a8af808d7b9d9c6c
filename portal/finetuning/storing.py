"""A snapshot as files: its lists in COCO's form, its card, and the pictures if they are wanted."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile

from django.core.files.base import ContentFile, File
from django.core.files.storage import storages

from portal.finetuning.cards import make_card
from portal.finetuning.channels import copy_previews
from portal.finetuning.coco import Report, coco_stream
from portal.finetuning.models import DatasetImage, DatasetSnapshot
from portal.finetuning.splitting import Split
from portal.images import buckets
from portal.images.erasing import owe
from portal.images.multipart import store_stream
from portal.images.workers import by_lambda

_PICTURES_AT_ONCE = 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
CARD = "card.json"


def list_name(split: Split) -> str:
    return f"annotations/{split}.json"


def lists(snapshot: DatasetSnapshot, report: Report = lambda _images: None) -> Iterator[tuple[str, Iterable[str]]]:
    """Names and contents of all that is small: a list for each split, and the card."""
    for split in Split:
        yield list_name(split), coco_stream(snapshot, split, report)
    yield CARD, [json.dumps(snapshot.card, ensure_ascii=False, indent=2) + "\n"]


def store_lists(snapshot: DatasetSnapshot, report: Report = lambda _images: None) -> None:
    """Store them, unless they are there: as the snapshot is after all that was removed from it."""
    while True:
        folder, removed = snapshot.lists_folder, snapshot.images_removed
        if not storages["derived"].exists(f"{folder}/{CARD}"):
            for name, content in lists(snapshot, report):
                _store(f"{folder}/{Path(name).name}", content)
        fresh(snapshot)
        if snapshot.images_removed == removed:
            return
        # What was just written may still hold what was removed in the meantime.
        owe([("derived", folder)])


def fresh(snapshot: DatasetSnapshot) -> None:
    """Read again what the removal of images changes; the card follows."""
    snapshot.refresh_from_db(fields=["images_removed", "changed_at", "card"])
    if snapshot.card and snapshot.card["images_removed"] != snapshot.images_removed:
        snapshot.card = make_card(snapshot)
        same = DatasetSnapshot.objects.filter(pk=snapshot.pk, images_removed=snapshot.images_removed)
        same.update(card=snapshot.card)


def stored_list(snapshot: DatasetSnapshot, split: Split) -> str:
    """The key of a split's list in the `derived` storage."""
    return f"{snapshot.lists_folder}/{Path(list_name(split)).name}"


def _store(key: str, content: Iterable[str]) -> None:
    pieces = (piece.encode() for piece in content)
    if buckets.on_s3("derived"):
        store_stream("derived", key, pieces, "application/json")
        return
    with TemporaryFile() as file:
        file.writelines(pieces)
        file.seek(0)
        storages["derived"].save(key, File(file))


def store_pictures(snapshot: DatasetSnapshot, stored: Callable[[str, int], None], until: float) -> bool:
    """Store the pictures one after another until the time is over, telling `stored` of the last and how many.

    False while some are left.
    """
    while page := _next_pictures(snapshot, snapshot.last_picture):
        _store_pictures(snapshot, page)
        stored(page[-1].sha256, len(page))
        if time.monotonic() > until:
            return False
    return True


def store_missing_pictures(snapshot: DatasetSnapshot, report: Report) -> None:
    """Store those that are not there yet."""
    after = ""
    while page := _next_pictures(snapshot, after):
        there = storages["derived"].exists
        _store_pictures(snapshot, [row for row in page if not there(f"{snapshot.folder}/{row.file_name}")])
        after = page[-1].sha256
        report(len(page))


def _store_pictures(snapshot: DatasetSnapshot, rows: Sequence[DatasetImage]) -> None:
    if by_lambda():
        # Nothing there can make a picture of an original; the preview is one that is smaller.
        copy_previews(snapshot, rows)
        return
    for row, content in _made(rows):
        storages["derived"].save(f"{snapshot.folder}/{row.file_name}", ContentFile(content))
    still = set(snapshot.images.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
    # Somebody deleted it just now.
    owe(("derived", f"{snapshot.folder}/{row.file_name}") for row in rows if row.pk not in still)


def _next_pictures(snapshot: DatasetSnapshot, after: str) -> list[DatasetImage]:
    rows = snapshot.images.filter(sha256__gt=after).order_by("sha256").select_related("image")
    return list(rows[:_PICTURES_AT_ONCE])


def _made(rows: Iterable[DatasetImage]) -> Iterator[tuple[DatasetImage, bytes]]:
    # Loaded by workers alone: elsewhere its libraries may be missing.
    from portal.finetuning.pictures import upright_jpeg

    for row in rows:
        content = upright_jpeg(row.image)
        if content is not None:
            yield row, content


def write_folder(snapshot: DatasetSnapshot, folder: Path, *, pictures: bool, report: Report) -> int:
    """Write all of it into a folder of this machine. Returns how many pictures are missing, as their file is gone."""
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    for name, content in lists(snapshot, report):
        with (folder / name).open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(content)
    if not pictures:
        return 0
    (folder / "images").mkdir(exist_ok=True)
    written, after = 0, ""
    while page := _next_pictures(snapshot, after):
        for row, jpeg in _made(page):
            (folder / row.file_name).write_bytes(jpeg)
            written += 1
        after = page[-1].sha256
        report(len(page))
    remove_strangers(snapshot, folder)
    return snapshot.images.count() - written


def remove_strangers(snapshot: DatasetSnapshot, folder: Path) -> None:
    """Remove pictures that are not the dataset's: what was written earlier may be of somebody who has deleted it."""
    own = set(snapshot.images.values_list("sha256", flat=True))
    for file in (folder / "images").glob("*.jpg"):
        if _SHA256.fullmatch(file.stem) and file.stem not in own:
            file.unlink(missing_ok=True)
