"""The new model and those that run today, on the same test pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.training.taught import FOLDER, drawn, taught
from training.baselines import SCHEMA, Rivals, rivals, said
from training.config import GateConfig
from training.data import DataError, Dataset
from training.detecting import detect
from training.evaluate import Evaluation, evaluate
from training.gate import judge
from training.measuring import quick_map

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return drawn(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def evaluated(data: Dataset, out: Path) -> Evaluation:
    return evaluate(data, taught(), rivals(data, out, FOLDER, threads=1), out)


def test_detections_are_in_the_order_of_the_samples_whatever_goes_together(data: Dataset) -> None:
    heard: list[int] = []
    one = detect(taught().model, taught().preprocessing, data.test[:5], data.classes, at_once=1)
    many = detect(taught().model, taught().preprocessing, data.test[:5], data.classes, at_once=3, report=heard.append)
    assert [each.file_name for each in many] == [sample.file_name for sample in data.test[:5]]
    assert heard == [3, 2]
    for alone, together in zip(one, many, strict=True):
        sure = alone.scores > 0.2
        assert together.scores[: sure.sum()] == pytest.approx(alone.scores[sure], abs=1e-4)
        assert together.boxes[: sure.sum()] == pytest.approx(alone.boxes[sure], abs=1e-4)
        assert (together.boxes[:, :2] >= 0).all()
        assert (together.boxes[:, :2] + together.boxes[:, 2:] <= 1 + 1e-6).all()


def test_a_network_in_training_is_looked_through_as_in_evaluation_and_put_back(data: Dataset) -> None:
    model = taught().model.train()
    try:
        found = detect(model, taught().preprocessing, data.test[:1], data.classes)
        assert model.training
    finally:
        model.eval()
    again = detect(model, taught().preprocessing, data.test[:1], data.classes)
    assert (found[0].scores == again[0].scores).all()


def test_a_network_for_other_classes_is_refused(data: Dataset) -> None:
    with pytest.raises(ValueError, match="4 outputs for each query, which does not fit 3 classes"):
        detect(taught().model, taught().preprocessing, data.test[:1], data.classes[:3])


def test_the_numbers_are_those_of_coco_on_the_test_pictures(data: Dataset, evaluated: Evaluation) -> None:
    exact, at_half = quick_map(data.test, evaluated.detections, data.classes)
    assert evaluated.candidate["map"] == pytest.approx(exact, abs=1e-6)
    assert evaluated.candidate["map50"][0] == pytest.approx(at_half, abs=1e-6)
    assert at_half > 0.7
    assert evaluated.candidate["images"] == 16


def test_each_class_is_told_of(data: Dataset, evaluated: Evaluation) -> None:
    assert list(evaluated.candidate["classes"]) == list(data.classes)
    for number, (name, one) in enumerate(evaluated.candidate["classes"].items()):
        assert one["boxes"] == sum(int((sample.labels == number).sum()) for sample in data.test)
        assert one["threshold"] == evaluated.thresholds[name]
        assert one["f1"] == pytest.approx(2 / (1 / one["precision"] + 1 / one["recall"]), abs=1e-5)
        assert one["ap50"][1] <= one["ap50"][0] <= one["ap50"][2]
        recalls = [recall for recall, _ in one["curve"]]
        assert recalls == sorted(recalls)
        assert 0 < len(recalls) <= 50


def test_thresholds_come_from_the_validation_pictures_alone(data: Dataset, tmp_path: Path) -> None:
    fewer = replace(data, validation=data.validation[:4])
    other_test = replace(data, test=data.test[:5])
    first = evaluate(data, taught(), Rivals(), tmp_path).thresholds
    assert evaluate(other_test, taught(), Rivals(), tmp_path).thresholds == first
    assert evaluate(fewer, taught(), Rivals(), tmp_path).thresholds != first


def test_the_running_model_looks_at_the_same_pictures(evaluated: Evaluation) -> None:
    """It is the same network here, exported: the same precision, and no reason to take its place."""
    assert evaluated.running is not None
    assert evaluated.running["version"] == "rt_detr_v2-275e62d8261a"
    assert evaluated.running["map50"] == pytest.approx(evaluated.candidate["map50"], abs=1e-3)
    verdict = judge(evaluated, GateConfig())
    assert verdict["verdict"] == "refused"
    assert verdict["margin"][0] == pytest.approx(0, abs=1e-3)


def test_a_running_model_that_knows_a_class_the_data_lacks_has_one_to_lose(data: Dataset, tmp_path: Path) -> None:
    three = replace(data, classes=("circle", "square", "star", "cross"))
    running = rivals(three, tmp_path, FOLDER, threads=1).running
    assert running is not None
    assert running.others == ("triangle",)
    assert running.knows == (0, 1, 2)


def document(data: Dataset, **changes: Any) -> dict[str, Any]:
    """What Rekognition would have said: every star of the first ten pictures, under its own name for it."""
    detections = []
    for sample in data.test[:10]:
        for label, (left, top, width, height) in zip(sample.labels.tolist(), sample.boxes.tolist(), strict=True):
            if data.classes[label] == "star":
                box = {"left": left, "top": top, "width": width, "height": height}
                about = {"file_name": sample.file_name, "label": "Star", "confidence": 97.1}
                detections.append({**about, "box": box})
    detector = {"name": "rekognition", "version": "3.0", "classes": ["Star"], "detections": detections}
    detector["images"] = [sample.file_name for sample in data.test[:10]] + ["images/of-another-split.jpg"]
    return {"schema": SCHEMA, "detectors": [{**detector, **changes}]}


def test_a_running_detector_is_measured_on_what_it_shares(data: Dataset, tmp_path: Path) -> None:
    (tmp_path / "baselines.json").write_text(json.dumps(document(data)))
    (other,) = evaluate(data, taught(), rivals(data, tmp_path, None), tmp_path).others
    assert (other["name"], other["version"], other["images"]) == ("rekognition", "3.0", 10)
    assert list(other["classes"]) == ["star"]
    assert other["map50"][0] == other["classes"]["star"]["recall"] == pytest.approx(1)
    assert other["confusion"]["labels"] == ["star", "nothing"]
    assert 0 < other["candidate_map50"][0] <= 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"detections": [{"label": "Star"}]}, "box"),
        ({"images": 3}, "not what it should be"),
    ],
)
def test_a_list_of_baselines_that_is_wrong_is_named(
    data: Dataset, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    (tmp_path / "baselines.json").write_text(json.dumps(document(data, **changes)))
    with pytest.raises(DataError, match=words):
        said(data, tmp_path / "baselines.json")


def test_a_folder_without_a_model_is_named(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no model to compare with in nothing"):
        rivals(data, tmp_path, tmp_path / "nothing")


def test_the_worst_mistakes_are_shown_and_told(evaluated: Evaluation, out: Path) -> None:
    assert 0 < len(evaluated.worst) <= 12
    for one in evaluated.worst:
        with Image.open(out / one["image"]) as picture:
            assert max(picture.size) <= 480
        assert one["kind"] in {"missed", "invented", "confused", "misplaced"}
        assert one["words"].startswith(("A ", "An "))
        assert one["words"].endswith(".")
    assert len({one["file_name"] for one in evaluated.worst}) == len(evaluated.worst)


def test_every_box_and_every_detection_that_is_believed_is_in_the_confusion_once(
    data: Dataset, evaluated: Evaluation
) -> None:
    counts = np.array(evaluated.candidate["confusion"]["counts"])
    boxes = [one["boxes"] for one in evaluated.candidate["classes"].values()]
    believed = [
        sum(int(((found.labels == label) & (found.scores >= cut)).sum()) for found in evaluated.detections)
        for label, cut in enumerate(evaluated.thresholds.values())
    ]
    assert counts.sum(axis=1)[:-1].tolist() == boxes
    assert counts.sum(axis=0)[:-1].tolist() == believed


def test_without_test_pictures_there_is_nothing_but_a_refusal(data: Dataset, tmp_path: Path) -> None:
    empty = replace(data, test=(), validation=())
    evaluated = evaluate(empty, taught(), Rivals(), tmp_path)
    assert evaluated.candidate["map50"][0] == 0
    assert evaluated.candidate["classes"]["star"]["ap50"] is None
    assert set(evaluated.thresholds.values()) == {0.5}
    assert judge(evaluated, GateConfig())["verdict"] == "refused"
