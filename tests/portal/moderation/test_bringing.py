"""Pictures that are labelled already: brought with their boxes, by the command and through a real worker."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from io import StringIO
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from PIL import Image as Picture

from portal.accounts.models import User
from portal.images.holding import hold
from portal.images.models import Hold, Image
from portal.images.spending import this_month
from portal.images.working import work
from portal.moderation.bringing import upload
from portal.moderation.coco_lists import ListError, read_folder
from portal.moderation.groups import make_moderator
from portal.moderation.models import Annotation, AuditEntry, ReviewItem

pytestmark = pytest.mark.django_db(transaction=True)

RIVER, LAKE = (400, 300), (300, 400)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A river with a heron and a boat at its edge, and a lake with nothing."""
    folder = tmp_path / "brought"
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    Picture.new("RGB", RIVER, "teal").save(folder / "images" / "river.jpg")
    Picture.new("RGB", LAKE, "navy").save(folder / "images" / "lake.jpg")
    write(folder, LISTED)
    return folder


LISTED: dict[str, Any] = {
    "categories": [{"id": 4, "name": "Heron"}, {"id": 7, "name": "Boat"}],
    "images": [
        {"id": 1, "file_name": "images/river.jpg", "width": 400, "height": 300},
        {"id": 2, "file_name": "images/lake.jpg", "width": 300, "height": 400},
    ],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 4, "bbox": [100, 60, 200, 150]},
        {"id": 2, "image_id": 1, "category_id": 7, "bbox": [360, 270, 80, 60]},
    ],
}

A_BOX, A_PICTURE = LISTED["annotations"][0], LISTED["images"][0]


def write(folder: Path, document: dict[str, Any]) -> None:
    (folder / "annotations" / "train.json").write_text(json.dumps(document))


@pytest.fixture
def worker(settings: Any) -> Iterator[None]:
    """Recognises beside the command, as in the product."""
    settings.DETECTORS = ("properties",)
    ending = threading.Event()

    def recognise() -> None:
        while not ending.wait(0.1):
            work("brought", until_empty=True)
        connection.close()

    thread = threading.Thread(target=recognise)
    # Only the main thread may have handlers of signals.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django_tasks_db.management.commands.db_worker.Worker.configure_signals", lambda _worker: None)
        thread.start()
        yield
        ending.set()
        thread.join()


def bring(folder: Path, *options: str) -> str:
    said = StringIO()
    call_command("import_annotations", str(folder), "--owner", "owner", *options, stdout=said, stderr=StringIO())
    return said.getvalue()


def boxes() -> set[tuple[Any, ...]]:
    found = Annotation.objects.values_list("image__filename", "label__name", "left", "top", "width", "height", "state")
    return {(*row[:2], *(round(side, 6) for side in row[2:6]), row[6]) for row in found}


HERON = ("river.jpg", "Heron", 0.25, 0.2, 0.5, 0.5, "added")
BOAT = ("river.jpg", "Boat", 0.9, 0.9, 0.1, 0.1, "added")


def test_labelled_pictures_become_images_with_what_people_said(owner: User, folder: Path, worker: None) -> None:
    make_moderator(owner)
    assert bring(folder) == "2 of 2 pictures brought; 2 boxes in all.\n"
    assert boxes() == {HERON, BOAT}
    assert ReviewItem.objects.filter(completed_at__isnull=False).count() == 2


def test_bringing_them_again_changes_nothing(owner: User, folder: Path, worker: None) -> None:
    make_moderator(owner)
    bring(folder)
    before = (Image.objects.count(), AuditEntry.objects.count())
    bring(folder)
    assert boxes() == {HERON, BOAT}
    assert (Image.objects.count(), AuditEntry.objects.count()) == before


def test_another_list_by_somebody_else_that_says_the_same_changes_nothing(
    owner: User, stranger: User, folder: Path, worker: None, settings: Any
) -> None:
    """Exported again it has other ids and other spellings, and the same picture under another name."""
    settings.MODERATION_SEES = "all"
    make_moderator(owner)
    make_moderator(stranger)
    bring(folder)
    before = (Image.objects.count(), AuditEntry.objects.count())
    (folder / "images" / "copy.jpg").write_bytes((folder / "images" / "river.jpg").read_bytes())
    again = [{**each, "id": 50 + each["id"]} for each in LISTED["annotations"]]
    copies = [{**each, "id": 60 + each["id"], "image_id": 3} for each in LISTED["annotations"]]
    write(
        folder,
        {
            "categories": [{"id": 4, "name": "heron"}, {"id": 7, "name": " Boat"}],
            "images": [*LISTED["images"], {**A_PICTURE, "id": 3, "file_name": "images/copy.jpg"}],
            "annotations": [*again, *copies],
        },
    )
    assert bring(folder, "--by", "stranger") == "3 of 3 pictures brought; 4 boxes in all.\n"
    assert boxes() == {HERON, BOAT}
    assert Annotation.objects.count() == 2
    assert (Image.objects.count(), AuditEntry.objects.count()) == before


def test_what_a_budget_holds_back_is_told_and_not_waited_for(owner: User, folder: Path, worker: None) -> None:
    make_moderator(owner)
    lake = next(picture for picture in read_folder(folder) if picture.path.name == "lake.jpg")
    image = upload(owner, lake)
    assert hold(image.pk, Hold.USER_BUDGET, this_month(), timezone.now())
    said = StringIO()
    with pytest.raises(CommandError, match="1 pictures were not brought"):
        call_command("import_annotations", str(folder), "--owner", "owner", stdout=StringIO(), stderr=said)
    assert "lake.jpg: It waits to be recognised: the person's budget is used up." in said.getvalue()
    assert boxes() == {HERON, BOAT}
    Image.objects.filter(pk=image.pk).update(hold=Hold.NONE, not_before=None)
    assert bring(folder) == "2 of 2 pictures brought; 2 boxes in all.\n"


def test_incomplete_lists_leave_their_pictures_in_the_queue(owner: User, folder: Path, worker: None) -> None:
    make_moderator(owner)
    bring(folder, "--incomplete")
    assert boxes() == {HERON, BOAT}
    assert not ReviewItem.objects.filter(completed_at__isnull=False).exists()


def test_a_list_for_the_picture_as_it_lay_is_not_taken_for_the_upright_one(
    owner: User, folder: Path, worker: None
) -> None:
    make_moderator(owner)
    exif = Picture.Exif()
    exif[0x0112] = 6
    Picture.new("RGB", RIVER, "teal").save(folder / "images" / "river.jpg", exif=exif)
    with pytest.raises(CommandError, match="1 pictures were not brought"):
        bring(folder)
    assert boxes() == set()


def test_a_file_that_is_no_picture_is_told_and_the_others_are_brought(owner: User, folder: Path, worker: None) -> None:
    make_moderator(owner)
    (folder / "images" / "lake.jpg").write_bytes(b"no picture at all")
    with pytest.raises(CommandError, match="1 pictures were not brought"):
        bring(folder)
    assert boxes() == {HERON, BOAT}


def test_whoever_may_not_review_brings_nothing(owner: User, folder: Path) -> None:
    with pytest.raises(CommandError, match="owner is no moderator"):
        bring(folder)
    assert not Image.objects.exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"annotations": [{**A_BOX, "bbox": [500, 60, 20, 20]}]}, "box 1 lies outside of images/river"),
        ({"annotations": [{**A_BOX, "category_id": 9}]}, "9 is missing, or names what is not there"),
        ({"annotations": [{**A_BOX, "image_id": 9}]}, "9 is missing, or names what is not there"),
        ({"images": [{**A_PICTURE, "file_name": "images/sea.jpg"}], "annotations": []}, "no file images/sea"),
        ({"images": [{**A_PICTURE, "file_name": "../sea.jpg"}], "annotations": []}, "outside of the folder"),
        ({"categories": "none"}, "is no list in COCO's form"),
        ({"images": [{**A_PICTURE, "width": inf}], "annotations": []}, "is no list in COCO's form"),
        ({"images": [{**A_PICTURE, "width": 10**400}], "annotations": [A_BOX]}, "is no list in COCO's form"),
        ({"annotations": [{**A_BOX, "bbox": [0, 0, inf, 10]}]}, "a box is four numbers"),
        ({"annotations": [{**A_BOX, "bbox": [nan, 0, 10, 10]}]}, "a box is four numbers"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_list_is_named_and_nothing_is_brought(
    folder: Path, change: dict[str, Any], sentence: str
) -> None:
    write(folder, {**LISTED, **change})
    with pytest.raises(ListError, match=sentence):
        read_folder(folder)


def test_a_folder_without_a_list_says_so(tmp_path: Path) -> None:
    with pytest.raises(ListError, match="There is no list in"):
        read_folder(tmp_path)
