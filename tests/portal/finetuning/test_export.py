"""Datasets as files: COCO's JSON, upright pictures, the command."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from PIL import Image as Picture

from portal.finetuning.coco import coco_stream
from portal.finetuning.models import DatasetSnapshot
from portal.finetuning.splitting import Split
from portal.finetuning.storing import stored_list
from portal.images.models import Image
from portal.images.recording import record_result
from portal.moderation.models import AuditEntry, Verb
from tests.conftest import make_result
from tests.portal.finetuning.conftest import SEVERAL, MakeAnnotated, jpeg, make_snapshot
from tests.recognition.pictures import photo
from training.shapes import DrawnShape, draw

pytestmark = pytest.mark.django_db

WIDTH, HEIGHT = 320, 240
SPLITS = tuple(Split)

TURNED_BACK = {
    1: None,
    2: Picture.Transpose.FLIP_LEFT_RIGHT,
    3: Picture.Transpose.ROTATE_180,
    4: Picture.Transpose.FLIP_TOP_BOTTOM,
    5: Picture.Transpose.TRANSPOSE,
    6: Picture.Transpose.ROTATE_90,
    7: Picture.Transpose.TRANSVERSE,
    8: Picture.Transpose.ROTATE_270,
}


def rotated(upright: Picture.Image, orientation: int) -> bytes:
    """The file of a camera that was held in one of eight ways."""
    turn = TURNED_BACK[orientation]
    exif = Picture.Exif()
    exif[0x0112] = orientation
    return jpeg(upright.transpose(turn) if turn is not None else upright, exif=exif)


def fractions(shape: DrawnShape) -> tuple[str, float, float, float, float]:
    width, height = (shape.right - shape.left) / WIDTH, (shape.bottom - shape.top) / HEIGHT
    return (shape.name, shape.left / WIDTH, shape.top / HEIGHT, width, height)


def rotated_originals(annotated: MakeAnnotated) -> dict[str, tuple[Picture.Image, tuple[DrawnShape, ...]]]:
    """Drawn pictures in all orientations, by their SHA-256; the boxes are the drawn shapes'."""
    made = {}
    for orientation in TURNED_BACK:
        picture, shapes = draw(orientation, WIDTH, HEIGHT)
        boxes = [fractions(shape) for shape in shapes]
        image = annotated(boxes, content=rotated(picture, orientation), width=WIDTH, height=HEIGHT)
        made[image.sha256] = picture, shapes
    return made


def exported(folder: Path, split: str = "train") -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "annotations" / f"{split}.json").read_text())
    return document


def export(*arguments: str, folder: Path | None = None) -> str:
    printed = io.StringIO()
    to = ["--to", str(folder)] if folder else []
    call_command("export_dataset", "shapes", *arguments, *to, stdout=printed, stderr=io.StringIO())
    return printed.getvalue()


def test_boxes_match_the_drawn_ones_to_the_pixel_on_rotated_originals(annotated: MakeAnnotated, tmp_path: Path) -> None:
    made = rotated_originals(annotated)
    export("--split", "100/0/0", folder=tmp_path)
    document = exported(tmp_path)
    names = {category["id"]: category["name"] for category in document["categories"]}
    assert len(document["images"]) == len(made) == 8
    for image in document["images"]:
        upright, shapes = made[Path(image["file_name"]).stem]
        with Picture.open(tmp_path / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"]) == (WIDTH, HEIGHT)
            assert not picture.getexif()
            difference = np.abs(np.asarray(picture.convert("RGB"), int) - np.asarray(upright, int))
        assert difference.mean() < 4
        boxes = [each for each in document["annotations"] if each["image_id"] == image["id"]]
        found = {(names[each["category_id"]], *(round(side, 1) for side in each["bbox"])) for each in boxes}
        drawn = {
            (s.name, *(round(side, 1) for side in (s.left, s.top, s.right - s.left, s.bottom - s.top))) for s in shapes
        }
        assert len(found) == len(drawn) == len(shapes)
        for one, other in zip(sorted(found), sorted(drawn), strict=True):
            assert one[0] == other[0]
            assert one[1:] == pytest.approx(other[1:], abs=0.11)


@pytest.mark.torch
def test_faster_coco_eval_loads_it(annotated: MakeAnnotated, tmp_path: Path) -> None:
    coco_eval = pytest.importorskip("faster_coco_eval")
    made = rotated_originals(annotated)
    export("--split", "100/0/0", "--no-images", folder=tmp_path)
    path = tmp_path / "annotations" / "train.json"
    truth = coco_eval.COCO(str(path))
    assert len(truth.getImgIds()) == len(made)
    assert {category["name"] for category in truth.loadCats(truth.getCatIds())} <= {
        "circle",
        "square",
        "star",
        "triangle",
    }
    found = [{**each, "score": 0.9} for each in exported(tmp_path)["annotations"]]
    evaluation = coco_eval.COCOeval_faster(truth, truth.loadRes(found), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1)


def test_it_has_all_that_coco_s_format_asks_for(annotated: MakeAnnotated) -> None:
    annotated([("Dog", 0.1, 0.2, 0.3, 0.4), ("Cat", 0.5, 0.5, 0.25, 0.25)])
    annotated([], completed=True)
    snapshot = make_snapshot(validation_percent=0, test_percent=0)
    document = json.loads("".join(coco_stream(snapshot, Split.TRAIN)))
    assert document["info"]["description"] == "shapes, version 1"
    assert document["licenses"] == [{"id": 1, "name": "CC0", "url": ""}]
    assert [(each["id"], each["name"]) for each in document["categories"]] == [(1, "Cat"), (2, "Dog")]
    assert [each["id"] for each in document["images"]] == [1, 2]
    assert [each["file_name"] for each in document["images"]] == sorted(
        f"images/{sha256}.jpg" for sha256 in Image.objects.values_list("sha256", flat=True)
    )
    assert [each["id"] for each in document["annotations"]] == [1, 2]
    dog = next(each for each in document["annotations"] if each["category_id"] == 2)
    assert dog["bbox"] == [64, 96, 192, 192]
    assert dog["area"] == 192 * 192
    assert dog["iscrowd"] == 0
    assert len({each["image_id"] for each in document["annotations"]}) == 1


def test_a_split_without_images_is_a_valid_document(annotated: MakeAnnotated) -> None:
    annotated()
    snapshot = make_snapshot(validation_percent=0, test_percent=0)
    document = json.loads("".join(coco_stream(snapshot, Split.TEST)))
    assert (document["images"], document["annotations"]) == ([], [])


def test_a_second_export_is_the_same_byte_for_byte(annotated: MakeAnnotated, tmp_path: Path) -> None:
    for _ in range(SEVERAL):
        annotated()
    export("--no-images", folder=tmp_path / "first")
    annotated()
    export("--no-images", "--version", "1", folder=tmp_path / "again")
    export("--no-images", folder=tmp_path / "next")
    for split in SPLITS:
        name = f"annotations/{split}.json"
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    sizes = Counter({split: len(exported(tmp_path / "first", split)["images"]) for split in SPLITS})
    assert sizes.total() == SEVERAL
    assert all(sizes[split] for split in SPLITS)
    assert DatasetSnapshot.objects.count() == 2
    files = {
        split: [
            {image["file_name"] for image in exported(tmp_path / which, split)["images"]} for which in ("first", "next")
        ]
        for split in SPLITS
    }
    assert sum(len(after - before) for before, after in files.values()) == 1
    assert all(before <= after for before, after in files.values())


def test_re_encoded_and_rescaled_copies_come_to_the_same_side(annotated: MakeAnnotated) -> None:
    pictures = [Picture.fromarray(photo(name)) for name in ("astronaut.png", "chelsea.png", "coffee.png", "china.jpg")]
    pictures += [draw(seed, 640, 480)[0] for seed in range(12)]
    sources = {}
    for number, picture in enumerate(pictures):
        small = picture.resize((picture.width // 2, picture.height // 2), Picture.Resampling.BICUBIC)
        for copy in (jpeg(picture), rotated(small, 6), rotated(picture, 3)):
            image = annotated(content=copy, perceptual_hash="", width=picture.width, height=picture.height)
            storages["derived"].save(image.thumbnail_key, io.BytesIO(thumbnail_of(copy)))
            sources[image.pk] = number
    snapshot = make_snapshot(validation_percent=30, test_percent=30)
    sides: dict[int, set[str]] = {}
    for image_id, split in snapshot.images.values_list("image", "split"):
        sides.setdefault(sources[image_id], set()).add(split)
    assert len(sides) == len(pictures)
    assert all(len(splits) == 1 for splits in sides.values())
    assert len({split for splits in sides.values() for split in splits}) == 3
    assert not Image.objects.filter(perceptual_hash="").exists()


def thumbnail_of(content: bytes) -> bytes:
    from recognition.image import prepare

    return prepare(content).thumbnail


def test_the_hash_that_recognition_made_is_kept_with_the_image(recognized_image: Any, owner: Any) -> None:
    image = recognized_image(owner)
    info = make_result(image).image
    assert info is not None
    values = {"perceptual_hash": "0f" * 32}
    record_result(
        make_result(image, image=type(info)(info.format, info.width, info.height, info.bytes, info.sha256, **values))
    )
    image.refresh_from_db()
    assert image.perceptual_hash == "0f" * 32


def test_the_command_stores_lists_card_and_pictures(annotated: MakeAnnotated) -> None:
    made = rotated_originals(annotated)
    printed = export("--split", "100/0/0", "--licence", "CC0")
    snapshot = DatasetSnapshot.objects.get()
    stored = storages["derived"]
    assert snapshot.folder in printed
    assert printed.startswith("shapes v1: 8 images")
    assert len(json.loads(stored.open(stored_list(snapshot, Split.TRAIN)).read())["images"]) == 8
    assert json.loads(stored.open(f"{snapshot.lists_folder}/card.json").read())["licence"] == "CC0"
    assert set(stored.listdir(f"{snapshot.folder}/images")[1]) == {f"{sha256}.jpg" for sha256 in made}


def test_a_snapshot_with_images_stores_them_in_the_background(annotated: MakeAnnotated) -> None:
    made = rotated_originals(annotated)
    snapshot = make_snapshot(with_images=True)
    assert snapshot.is_ready
    assert snapshot.pictures_done == 8
    assert set(storages["derived"].listdir(f"{snapshot.folder}/images")[1]) == {f"{sha256}.jpg" for sha256 in made}


def test_the_command_shows_progress_and_warnings_on_stderr_and_the_result_on_stdout(
    annotated: MakeAnnotated, tmp_path: Path
) -> None:
    annotated()
    out, err = io.StringIO(), io.StringIO()
    call_command("export_dataset", "shapes", "--no-images", "--to", str(tmp_path), stdout=out, stderr=err)
    assert "exporting: 100 %" in err.getvalue()
    assert "Warning: 1 images with boxes are not complete" in err.getvalue()
    assert out.getvalue() == f"shapes v1: 1 images, 1 boxes in {tmp_path}\n"


def test_the_command_says_what_it_cannot_do(annotated: MakeAnnotated) -> None:
    annotated()
    with pytest.raises(CommandError, match="There is no version 7"):
        export("--version", "7")
    with pytest.raises(CommandError, match="make 100"):
        export("--split", "80/10/20")
    with pytest.raises(CommandError, match="has 5 boxes"):
        export("--minimum", "5")


def test_every_export_is_in_the_audit_log(annotated: MakeAnnotated, tmp_path: Path) -> None:
    annotated()
    export("--no-images", folder=tmp_path)
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.subject, entry.actor) == (Verb.EXPORTED, "shapes v1", None)


def test_a_picture_whose_file_is_gone_is_told_of(annotated: MakeAnnotated, tmp_path: Path) -> None:
    annotated()
    err = io.StringIO()
    call_command("export_dataset", "shapes", "--to", str(tmp_path), stdout=io.StringIO(), stderr=err)
    assert "1 pictures are missing" in err.getvalue()
