"""The exported model answers as the trained one does, and its folder is what serving and the next training read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from recognition.detectors.onnx import OnnxDetector, Preprocessing
from tests.training.finished import finish
from tests.training.needs_torch import torch
from tests.training.taught import drawn, taught
from training import export as exporting
from training.baselines import Rivals
from training.data import Dataset, read_picture
from training.detecting import detect
from training.errors import TrainingFailed
from training.evaluate import evaluate
from training.export import differences
from training.shapes import SHAPES, draw
from training.train import Trained

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return drawn(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def document(data: Dataset, out: Path) -> dict[str, Any]:
    return finish(data, out, int8=True)


def test_scores_and_boxes_agree_with_torch_on_real_pictures(document: dict[str, Any]) -> None:
    assert document["export"]["samples"] == 16
    assert 0 < document["export"]["max_score_difference"] <= 1e-3
    assert 0 < document["export"]["max_box_difference"] <= 1e-3


def test_serving_finds_what_training_found(document: dict[str, Any], data: Dataset, out: Path) -> None:
    """Through preprocessing, network, thresholds and labels: each detection of the page, with its box."""
    detector = OnnxDetector(out / "model", threads=1)
    found = detect(taught().model, taught().preprocessing, data.test[:6], SHAPES)
    served = 0
    for sample, expected in zip(data.test[:6], found, strict=True):
        for label in detector.find(np.asarray(read_picture(sample))).labels:
            number = SHAPES.index(label.name.lower())
            cut = document["thresholds"][SHAPES[number]]
            for instance in label.instances:
                percent = instance.confidence
                score = cut * percent / 50 if percent < 50 else cut + (1 - cut) * (percent - 50) / 50
                box = (instance.box.left, instance.box.top, instance.box.width, instance.box.height)
                off = np.abs(expected.boxes - box).max(axis=1) + np.abs(expected.scores - score)
                assert off[expected.labels == number].min() <= 2e-3
                served += 1
    assert served >= 6


def test_any_number_of_pictures_go_through_together(document: dict[str, Any], out: Path) -> None:
    session = onnxruntime.InferenceSession(str(out / "model" / "model.onnx"))
    pixels = np.random.default_rng(1).random((5, 3, 160, 160), np.float32)
    every, _ = session.run(["logits", "pred_boxes"], {"pixel_values": pixels})
    (alone,), _ = session.run(["logits", "pred_boxes"], {"pixel_values": pixels[3:4]})
    assert every.shape == (5, 30, 4)
    assert every[3] == pytest.approx(alone, abs=1e-3)


def test_the_folder_says_what_the_model_is(document: dict[str, Any], out: Path) -> None:
    about = json.loads((out / "model" / "imagesift.json").read_text())
    assert about == {
        "schema": "imagesift.model/1",
        "name": "shapes",
        "version": 2,
        "thresholds": document["thresholds"],
        "classes": list(SHAPES),
        "map50": document["candidate"]["map50"][0],
        "dataset": "Drawn shapes, version 1",
    }
    assert OnnxDetector(out / "model").version.startswith("shapes-v2-")
    assert sorted(path.name for path in (out / "torch").iterdir()) == [
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
    ]


def test_the_next_training_starts_from_the_same_weights(document: dict[str, Any], out: Path) -> None:
    from training.networks import build

    again = build(out / "torch", SHAPES).state_dict()
    for name, value in taught().model.state_dict().items():
        assert torch.equal(again[name], value)


def test_eight_bits_are_measured(document: dict[str, Any], out: Path) -> None:
    eight = document["export"]["int8"]
    assert eight["bytes"] < 0.6 * document["export"]["bytes"]
    assert eight["map50_change"] == pytest.approx(eight["map50"] - document["candidate"]["map50"][0], abs=1e-5)
    assert abs(eight["map50_change"]) < 0.1
    assert OnnxDetector(out / "int8", threads=1).find(np.asarray(draw(2_000_001)[0])).labels


@pytest.mark.parametrize("normalised", [False, True])
def test_preprocessing_is_that_of_hugging_faces_own_processor(
    document: dict[str, Any], out: Path, normalised: bool
) -> None:
    from transformers import AutoImageProcessor

    means = {"do_normalize": True, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    config = {**json.loads((out / "model" / "preprocessor_config.json").read_text()), **(means if normalised else {})}
    theirs = AutoImageProcessor.from_pretrained(out / "torch", **(means if normalised else {}))
    for size in ((417, 311), (120, 500), (160, 160)):
        picture = draw(2_000_000, *size)[0]
        expected = theirs(images=picture, return_tensors="np")["pixel_values"]
        assert Preprocessing.read(config)(np.asarray(picture)) == pytest.approx(expected, abs=1e-4)


def changed() -> Trained:
    """The same network with weights that are a little off."""
    model = type(taught().model)(taught().model.config).eval()
    model.load_state_dict({name: value * 1.05 for name, value in taught().model.state_dict().items()})
    return replace(taught(), model=model)


def test_a_model_that_came_out_otherwise_is_not_let_through(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation = evaluate(data, taught(), Rivals(), tmp_path)
    right = exporting.write_onnx
    monkeypatch.setattr(exporting, "write_onnx", lambda _, path: right(changed(), path))
    with pytest.raises(TrainingFailed, match=r"otherwise than the trained one: .* where 0\.001 is allowed"):
        exporting.export(taught(), data, evaluation, tmp_path, name="shapes", version=1)


def test_pictures_that_were_deleted_meanwhile_are_passed_over_and_others_taken(
    document: dict[str, Any], data: Dataset, out: Path, tmp_path: Path
) -> None:
    gone = replace(data.test[0], path=tmp_path / "gone.jpg")
    found = exporting.compare(taught(), out / "model" / "model.onnx", (gone, *data.test[:3], gone, *data.validation))
    assert found["samples"] == 15
    assert 0 < found["max_score_difference"] <= 1e-3
    found = exporting.compare(taught(), out / "model" / "model.onnx", (gone, *data.test, *data.validation))
    assert found["samples"] == 16


def test_a_model_that_no_picture_is_left_for_is_not_let_through_unchecked(
    document: dict[str, Any], data: Dataset, out: Path, tmp_path: Path
) -> None:
    gone = replace(data.test[0], path=tmp_path / "gone.jpg")
    with pytest.raises(TrainingFailed, match="none of the dataset's pictures is left"):
        exporting.compare(taught(), out / "model" / "model.onnx", (gone, gone))


def test_a_network_that_has_learned_nothing_is_let_through_though_chance_decides_what_it_says(
    data: Dataset, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    untaught = replace(taught(), model=type(taught().model)(taught().model.config).eval())
    evaluation = evaluate(data, untaught, Rivals(), tmp_path)
    found = exporting.export(untaught, data, evaluation, tmp_path, name="shapes", version=1)
    assert max(found["max_score_difference"], found["max_box_difference"]) > 1e-3
    assert evaluation.candidate["map50"][0] < 0.02


def test_detections_that_change_places_are_not_a_difference() -> None:
    logits = np.array([[2.0, -9], [2.0, -9], [-9, 1]], np.float32)
    boxes = np.array([[0.2, 0.2, 0.1, 0.1], [0.8, 0.8, 0.1, 0.1], [0.5, 0.5, 0.2, 0.2]], np.float32)
    assert differences("rt_detr_v2", (logits, boxes), (logits[::-1], boxes[::-1])) == (0, 0)
    score, box = differences("rt_detr_v2", (logits, boxes), (logits, boxes + np.float32(0.01)))
    assert (score, box) == (0, pytest.approx(0.015, abs=1e-4))
