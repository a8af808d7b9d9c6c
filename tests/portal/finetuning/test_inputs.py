"""What a training reads: the dataset as it is now, and what the running detectors said of its test images."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from PIL import Image as Picture

from portal.finetuning.inputs import prune, write_inputs
from portal.finetuning.models import DatasetImage, DatasetSnapshot, ModelVersion
from portal.finetuning.problems import CannotTrain
from portal.finetuning.splitting import Split
from portal.images.deletion import delete_images
from portal.images.models import DetectorName, Image
from portal.images.models import Label as Word
from portal.images.recording import record_result
from recognition.result import Box, DetectorRun, Failure, ImageInfo, Instance, Label
from tests.conftest import make_result
from tests.portal.finetuning.conftest import MakeAnnotated
from tests.portal.finetuning.versions import SIDE, drawn_dataset
from training.data import load

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def dataset(annotated: MakeAnnotated) -> DatasetSnapshot:
    return drawn_dataset(annotated)


def write(dataset: DatasetSnapshot, folder: Path) -> dict[str, Any]:
    """Returns the detectors of baselines.json by name."""
    version = ModelVersion(name="shapes", version=1, dataset=dataset, start="tiny-shapes")
    write_inputs(version, folder, lambda _images: None)
    document = json.loads((folder / "baselines.json").read_text())
    assert document["schema"] == "imagesift.baselines/1"
    return {each["name"]: each for each in document["detectors"]}


def measured_on(dataset: DatasetSnapshot) -> list[DatasetImage]:
    return list(dataset.images.filter(split=Split.TEST).order_by("sha256").select_related("image"))


def found(name: str, confidence: float = 90.0, detector: str = "onnx", left: float = 0.1) -> Label:
    return Label(name, confidence, detector, instances=(Instance(confidence, Box(left, 0.2, 0.3, 0.4)),))


def said(row: DatasetImage, *labels: Label, runs: tuple[DetectorRun, ...] = (), days: int = 0) -> None:
    runs = runs or (DetectorRun("onnx", "v1", 12, fingerprint="f" * 16),)
    picture = ImageInfo("JPEG", SIDE, SIDE, row.image.byte_size, row.sha256)
    at = LONG_AGO + timedelta(days=days)
    record_result(make_result(row.image, labels=labels, detectors=runs, image=picture, recognized_at=at))


def test_the_folder_is_what_the_training_loads(dataset: DatasetSnapshot, tmp_path: Path) -> None:
    write(dataset, tmp_path / "data")
    loaded = load(tmp_path / "data")
    assert [len(split) for split in (loaded.train, loaded.validation, loaded.test)] == [2, 2, 2]
    assert set(loaded.classes) == {category["name"] for category in dataset.categories}
    sample = loaded.test[0]
    with Picture.open(sample.path) as picture:
        assert picture.size == (sample.width, sample.height) == (SIDE, SIDE)


def test_images_whose_file_is_gone_are_left_out_of_the_lists(dataset: DatasetSnapshot, tmp_path: Path) -> None:
    gone, stays = measured_on(dataset)
    storages["uploads"].delete(gone.image.upload_key)
    write(dataset, tmp_path / "data")
    document = json.loads((tmp_path / "data" / "annotations" / "test.json").read_text())
    assert [image["file_name"] for image in document["images"]] == [stays.file_name]
    assert {each["image_id"] for each in document["annotations"]} == {document["images"][0]["id"]}
    assert len(document["annotations"]) == len(stays.annotations)


@pytest.mark.parametrize("split", list(Split))
def test_a_part_without_any_picture_left_is_refused(dataset: DatasetSnapshot, tmp_path: Path, split: Split) -> None:
    ids = dataset.images.filter(split=split).values_list("image", flat=True)
    delete_images(Image.objects.filter(pk__in=list(ids)))
    with pytest.raises(CannotTrain, match=f"“{split}”"):
        write(dataset, tmp_path / "data")


def test_what_an_earlier_try_left_is_replaced(dataset: DatasetSnapshot, tmp_path: Path) -> None:
    stranger = tmp_path / "data" / "images" / f"{'0' * 64}.jpg"
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(b"somebody's")
    write(dataset, tmp_path / "data")
    assert not stranger.exists()


def test_pictures_of_images_deleted_since_are_removed(dataset: DatasetSnapshot, tmp_path: Path) -> None:
    write(dataset, tmp_path / "data")
    gone, stays = measured_on(dataset)
    delete_images(Image.objects.filter(pk=gone.image_id))
    prune(dataset, tmp_path / "data")
    assert not (tmp_path / "data" / gone.file_name).exists()
    assert (tmp_path / "data" / stays.file_name).exists()
    prune(dataset, tmp_path / "nothing here")


def test_the_newest_result_of_each_detector_counts(dataset: DatasetSnapshot, tmp_path: Path) -> None:
    row, other = measured_on(dataset)
    broken = DetectorRun(
        "onnx", "v3", 12, fingerprint="f" * 16, failure=Failure("timeout", "Too slow.", permanent=False)
    )
    says = DetectorRun("faces", "f1", 12, fingerprint="e" * 16)
    said(row, found("circle", 60))
    newer = DetectorRun("onnx", "v2", 9, fingerprint="a" * 16)
    said(row, found("circle", 70), found("square", 80), runs=(newer, says), days=1)
    said(row, runs=(broken, says), days=2)
    said(other, days=3)
    baseline = write(dataset, tmp_path / "data")
    assert list(baseline) == ["onnx"], "the face detector gives none of these"
    onnx = baseline["onnx"]
    assert (onnx["version"], onnx["classes"]) == ("v1", ["circle", "square"])
    assert sorted(onnx["images"]) == sorted([row.file_name, other.file_name])
    assert [(each["file_name"], each["label"], each["confidence"]) for each in onnx["detections"]] == [
        (row.file_name, "circle", 70.0),
        (row.file_name, "square", 80.0),
    ]
    assert onnx["detections"][0]["box"] == {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}


def test_images_that_a_detector_did_not_look_at_are_not_held_against_it(
    dataset: DatasetSnapshot, tmp_path: Path
) -> None:
    row, _ = measured_on(dataset)
    said(row, found("circle"))
    assert write(dataset, tmp_path / "data")["onnx"]["images"] == [row.file_name]


def test_words_are_put_into_ours_and_blocked_ones_are_not_said(dataset: DatasetSnapshot, tmp_path: Path) -> None:
    row, _ = measured_on(dataset)
    said(row, found("Disc"), found("square"), found("Sofa"), found("star"))
    Word.objects.filter(name="star").update(blocked=True)
    circle = Word.objects.get(name="circle")
    DetectorName.objects.create(detector="onnx", label=Word.objects.get(name="Disc"), meaning=circle)
    onnx = write(dataset, tmp_path / "data")["onnx"]
    assert sorted(each["label"] for each in onnx["detections"]) == ["circle", "square"]
    assert onnx["classes"] == ["circle", "square"]


def test_our_own_model_s_earlier_results_and_labels_without_a_box_do_not_count(
    dataset: DatasetSnapshot, tmp_path: Path
) -> None:
    row, _ = measured_on(dataset)
    own = DetectorRun("custom", "shapes-v1", 12, fingerprint="f" * 16)
    scene = DetectorRun("scene", "s1", 12, fingerprint="e" * 16)
    said(row, found("circle", detector="custom"), Label("circle", 99.0, "scene"), runs=(own, scene))
    assert write(dataset, tmp_path / "data") == {}


def test_pictures_of_training_and_validation_are_no_baseline(dataset: DatasetSnapshot, tmp_path: Path) -> None:
    for row in dataset.images.exclude(split=Split.TEST).select_related("image"):
        said(row, found("circle"))
    assert write(dataset, tmp_path / "data") == {}
