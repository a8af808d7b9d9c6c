"""Scores as percentages that mean the same for every class, and where a model folder says so."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import training
from recognition.detectors import fingerprint
from recognition.detectors.calibration import Calibration
from recognition.detectors.onnx import ModelFolderError, OnnxDetector
from training.shapes import draw

FOLDER = Path(training.__file__).parent / "starts" / "tiny-shapes"
ABOUT = {"schema": "imagesift.model/1", "name": "shapes", "version": 2}
PIXELS = np.asarray(draw(2_000_001)[0])


def percent(threshold: float, *scores: float) -> list[float]:
    labels = np.zeros(len(scores), np.int64)
    return Calibration({0: threshold}).percent(labels, np.array(scores, np.float32)).tolist()


@pytest.mark.parametrize("threshold", [0.05, 0.41, 0.5, 0.8])
def test_the_threshold_becomes_fifty_percent_and_the_ends_stay(threshold: float) -> None:
    assert percent(threshold, 0, threshold, 1) == pytest.approx([0, 50, 100], abs=1e-4)


def test_it_is_straight_on_either_side() -> None:
    assert percent(0.4, 0.2, 0.7) == pytest.approx([25, 75], abs=1e-4)


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.95])
def test_a_higher_score_is_a_higher_percentage(threshold: float) -> None:
    spread = percent(threshold, *np.linspace(0, 1, 500))
    assert all(low < high for low, high in pairwise(spread))
    assert min(spread) >= 0
    assert max(spread) <= 100


def test_each_class_has_its_own_and_others_keep_their_scores() -> None:
    scores = np.array([0.3, 0.3, 0.3], np.float32)
    calibrated = Calibration({0: 0.3, 1: 0.6}).percent(np.array([0, 1, 2]), scores)
    assert calibrated == pytest.approx([50, 25, 30], abs=1e-4)


@pytest.mark.parametrize("threshold", [0, 1, -0.2, 1.5, float("nan")])
def test_a_threshold_out_of_bounds_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Calibration({0: threshold})


def described(folder: Path, **about: Any) -> Path:
    shutil.copytree(FOLDER, folder)
    (folder / "imagesift.json").write_text(json.dumps({**ABOUT, **about}))
    return folder


def confidences(folder: Path) -> dict[str, list[float]]:
    labels = OnnxDetector(folder, threads=1, min_confidence=0).find(PIXELS).labels
    return {label.name: [instance.confidence for instance in label.instances] for label in labels}


def test_a_model_of_our_own_is_called_by_its_name_and_version(tmp_path: Path) -> None:
    plain, ours = OnnxDetector(FOLDER), OnnxDetector(described(tmp_path / "ours"))
    assert ours.version.startswith("shapes-v2-")
    assert len(ours.version) == len("shapes-v2-") + 12
    assert plain.version.startswith("rt_detr_v2-")
    assert fingerprint(ours) != fingerprint(plain)
    assert OnnxDetector(described(tmp_path / "again", thresholds={"star": 0.3})).version != ours.version


def test_the_fingerprint_of_a_folder_without_one_is_what_it_was() -> None:
    """Recorded before there was such a file: stored answers of unchanged models stay usable."""
    assert OnnxDetector(FOLDER).version == "rt_detr_v2-275e62d8261a"
    assert fingerprint(OnnxDetector(FOLDER)) == "8af7f688985b0aa5"


def test_confidences_follow_the_thresholds_in_the_folder(tmp_path: Path) -> None:
    plain, changed = confidences(FOLDER), confidences(described(tmp_path / "ours", thresholds={"star": 0.25}))
    for name in plain.keys() - {"Star"}:
        assert changed[name] == plain[name]
    expected = percent(0.25, *(confidence / 100 for confidence in plain["Star"]))
    assert changed["Star"] == pytest.approx(expected, abs=1e-3)
    assert changed["Star"] != plain["Star"]


def test_what_is_kept_is_decided_by_the_percentage_that_is_shown(tmp_path: Path) -> None:
    folder = described(tmp_path / "ours", thresholds=dict.fromkeys(("circle", "square", "star", "triangle"), 0.05))
    kept = OnnxDetector(folder, threads=1, min_confidence=50).find(PIXELS).labels
    shown = [instance.confidence for label in kept for instance in label.instances]
    every = [score for scores in confidences(FOLDER).values() for score in scores]
    assert len(shown) == sum(score >= 5 for score in every) > sum(score >= 50 for score in every)
    assert min(shown) >= 50


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"schema": "imagesift.model/9"}, "imagesift.model/9"),
        ({"thresholds": {"star": 1.5}}, "between 0 and 1"),
        ({"thresholds": {"star": "high"}}, "thresholds"),
        ({"thresholds": [0.5]}, "thresholds"),
    ],
)
def test_a_description_that_cannot_be_used_is_named(tmp_path: Path, about: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelFolderError, match=words):
        OnnxDetector(described(tmp_path / "ours", **about)).find(PIXELS)
