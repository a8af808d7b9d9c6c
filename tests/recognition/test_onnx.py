"""The ONNX detector: finds what it was taught, as PyTorch does, and names what is wrong with a model folder."""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import training
from recognition.detectors import fingerprint
from recognition.detectors.detr import surest
from recognition.detectors.onnx import ModelFolderError, OnnxDetector, Preprocessing
from recognition.image import PreparedImage, prepare
from recognition.result import Box, Label
from tests.requirements import required
from training.shapes import draw

FOLDER = Path(training.__file__).parent / "starts" / "tiny-shapes"
EXPECTED: dict[str, list[dict[str, Any]]] = json.loads((FOLDER / "expected.json").read_text())
# Neither trained on nor among those that the model was chosen by.
NEW_SEEDS = range(2_000_000, 2_000_040)
# EXIF orientation: how to turn the upright picture so that the tag turns it back.
UNTURNED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.fixture(scope="module")
def detector() -> OnnxDetector:
    return OnnxDetector(FOLDER, threads=1)


def prepared(picture: Image.Image, orientation: int = 1) -> PreparedImage:
    """The picture as a PNG that lies in the given orientation and says so."""
    turn = UNTURNED[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    encoded = io.BytesIO()
    (picture if turn is None else picture.transpose(turn)).save(encoded, "PNG", exif=exif)
    return prepare(encoded.getvalue())


def overlap(box: Box, left: float, top: float, right: float, bottom: float) -> float:
    width = min(box.left + box.width, right) - max(box.left, left)
    height = min(box.top + box.height, bottom) - max(box.top, top)
    shared = max(0, width) * max(0, height)
    return shared / (box.width * box.height + (right - left) * (bottom - top) - shared)


def found(labels: tuple[Label, ...]) -> list[tuple[str, float, Box]]:
    every = [(label.name, one.confidence, one.box) for label in labels for one in label.instances]
    return sorted(every, key=lambda one: -one[1])


def test_it_finds_the_shapes_in_new_pictures(detector: OnnxDetector) -> None:
    drawn, hits, claims, right_claims = 0, 0, 0, 0
    for seed in NEW_SEEDS:
        picture, shapes = draw(seed)
        sure = [one for one in found(detector.detect(prepared(picture)).labels) if one[1] >= 50]
        corners = [(s.name.title(), *(v / 320 for v in (s.left, s.top, s.right, s.bottom))) for s in shapes]
        drawn += len(corners)
        claims += len(sure)
        hits += sum(any(n == name and overlap(b, *c) >= 0.5 for n, _, b in sure) for name, *c in corners)
        right_claims += sum(any(n == name and overlap(b, *c) >= 0.5 for name, *c in corners) for n, _, b in sure)
    assert hits / drawn >= 0.7
    assert right_claims / claims >= 0.7


@pytest.mark.parametrize("seed", EXPECTED)
@pytest.mark.parametrize("orientation", UNTURNED)
def test_it_agrees_with_what_pytorch_found_however_the_file_lies(
    detector: OnnxDetector, seed: str, orientation: int
) -> None:
    picture, _ = draw(int(seed))
    same_as_pytorch(found(detector.detect(prepared(picture, orientation)).labels), EXPECTED[seed])


def same_as_pytorch(ours: list[tuple[str, float, Box]], theirs: list[dict[str, Any]]) -> None:
    assert len(ours) == len(theirs) > 0
    for (name, confidence, box), expected in zip(ours, theirs, strict=True):
        assert name == expected["name"].title()
        assert confidence / 100 == pytest.approx(expected["score"], abs=1e-3)
        corners = (box.left, box.top, box.left + box.width, box.top + box.height)
        assert corners == pytest.approx(np.clip(expected["box"], 0, 1), abs=1e-3)


@pytest.mark.torch
@pytest.mark.parametrize("seed", [2_000_000, 2_000_001, 2_000_002, 2_000_003])
def test_it_agrees_with_pytorch_run_beside_it(detector: OnnxDetector, seed: int) -> None:
    if importlib.util.find_spec("torch") is None:
        required("torch", "PyTorch is not installed (make training)")
    from transformers import AutoModelForObjectDetection

    from training.tiny import detect

    model = AutoModelForObjectDetection.from_pretrained(FOLDER).eval()
    picture, _ = draw(seed)
    for orientation in UNTURNED:
        same_as_pytorch(found(detector.detect(prepared(picture, orientation)).labels), detect(model, picture))


def test_one_label_for_each_name_with_its_surest_confidence(detector: OnnxDetector) -> None:
    for seed in NEW_SEEDS[:10]:
        labels = detector.detect(prepared(draw(seed)[0])).labels
        assert len({label.name for label in labels}) == len(labels)
        for label in labels:
            assert label.detector == "onnx"
            assert label.confidence == max(one.confidence for one in label.instances) >= 20


@pytest.mark.parametrize(
    ("size", "picture", "target"),
    [
        ({"height": 160, "width": 200}, (640, 480), (200, 160)),
        ({"shortest_edge": 480}, (1000, 500), (960, 480)),
        ({"shortest_edge": 800, "longest_edge": 1333}, (2000, 1000), (1333, 666)),
    ],
)
def test_a_picture_is_brought_to_the_size_that_the_folder_asks_for(
    size: dict[str, int], picture: tuple[int, int], target: tuple[int, int]
) -> None:
    preprocessing = Preprocessing.read({"size": size})
    reached = preprocessing.target(*picture)
    assert reached == pytest.approx(target, abs=1)


@pytest.mark.torch
@pytest.mark.parametrize("size", [{"shortest_edge": 800, "longest_edge": 1333}, {"shortest_edge": 333}])
def test_sizes_between_edges_are_those_of_the_transformers_library(size: dict[str, int]) -> None:
    if importlib.util.find_spec("torch") is None:
        required("torch", "PyTorch is not installed (make training)")
    from transformers.image_transforms import get_size_with_aspect_ratio

    preprocessing = Preprocessing.read({"size": size})
    dice = np.random.default_rng(1)
    for width, height in dice.integers(100, 2049, (500, 2)).tolist():
        theirs = get_size_with_aspect_ratio((height, width), size["shortest_edge"], size.get("longest_edge"))
        assert preprocessing.target(width, height) == (theirs[1], theirs[0])


@pytest.mark.torch
def test_preprocessing_is_that_of_the_transformers_library() -> None:
    if importlib.util.find_spec("torch") is None:
        required("torch", "PyTorch is not installed (make training)")
    from transformers import AutoImageProcessor

    theirs = AutoImageProcessor.from_pretrained(FOLDER)
    ours = Preprocessing.read(json.loads((FOLDER / "preprocessor_config.json").read_text()))
    picture, _ = draw(2_000_000, 417, 311)
    expected = theirs(images=picture, return_tensors="np")["pixel_values"]
    assert ours(np.asarray(picture)) == pytest.approx(expected, abs=1e-4)


def test_a_size_that_is_not_understood_is_refused() -> None:
    with pytest.raises(ModelFolderError, match="max_height"):
        Preprocessing.read({"size": {"max_height": 10, "max_width": 10}})


def test_values_are_scaled_then_normalised() -> None:
    values = {"do_resize": False, "do_normalize": True, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25]}
    prepared_values = Preprocessing.read(values)(np.full((2, 3, 3), 255, np.uint8))
    assert prepared_values.shape == (1, 3, 2, 3)
    assert prepared_values == pytest.approx(2.0)


def test_a_network_with_a_class_for_nothing_is_read_by_shares() -> None:
    logits = np.log(np.array([[0.9, 0.05, 0.05], [0.1, 0.1, 0.8]], np.float32))
    boxes = np.array([[0.5, 0.5, 0.2, 0.4], [0.5, 0.5, 1, 1]], np.float32)
    labels, scores, corners = surest("detr", logits, boxes)
    assert labels.tolist() == [0, 0]
    assert scores == pytest.approx([0.9, 0.1])
    assert corners[0] == pytest.approx((0.4, 0.3, 0.6, 0.7))


def rewrite(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("name", ["model.onnx", "config.json", "preprocessor_config.json"])
def test_a_file_that_is_missing_is_named(tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "incomplete")
    (folder / name).unlink()
    with pytest.raises(ModelFolderError, match=name):
        OnnxDetector(folder).detect(prepared(draw(1)[0]))


def test_files_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "contradiction")
    rewrite(folder / "config.json", id2label={"0": "circle"})
    with pytest.raises(ModelFolderError, match=r"names 1 classes, but .* has 4"):
        OnnxDetector(folder).detect(prepared(draw(1)[0]))


def test_a_model_that_cannot_be_loaded_is_refused(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "damaged")
    (folder / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelFolderError, match="cannot be loaded"):
        OnnxDetector(folder).detect(prepared(draw(1)[0]))


def test_another_model_or_threshold_has_another_fingerprint(tmp_path: Path, detector: OnnxDetector) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "other")
    same = OnnxDetector(folder)
    assert fingerprint(same) == fingerprint(detector)
    assert fingerprint(OnnxDetector(folder, min_confidence=30)) != fingerprint(detector)
    rewrite(folder / "config.json", id2label={"0": "a", "1": "b", "2": "c", "3": "d"})
    assert fingerprint(OnnxDetector(folder)) != fingerprint(detector)
