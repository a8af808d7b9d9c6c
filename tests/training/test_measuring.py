"""Precision as COCO measures it, on cases that can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.training import needs_torch  # noqa: F401
from training.data import Sample
from training.detecting import Detections
from training.measuring import measure, quick_map

pytestmark = pytest.mark.torch

CLASSES = ("cat", "dog")
LEFT, RIGHT = [0.1, 0.1, 0.2, 0.4], [0.6, 0.5, 0.3, 0.3]


def sample(*boxes: tuple[int, list[float]]) -> Sample:
    labels, places = [label for label, _ in boxes], [place for _, place in boxes]
    array = np.array(places, np.float32).reshape(len(places), 4)
    return Sample(Path("a.jpg"), "images/a.jpg", 200, 100, np.array(labels, np.int64), array)


def found(*boxes: tuple[int, float, list[float]]) -> Detections:
    labels = np.array([label for label, _, _ in boxes], np.int64)
    scores = np.array([score for _, score, _ in boxes], np.float32)
    places = np.array([place for _, _, place in boxes], np.float32).reshape(len(boxes), 4)
    return Detections("images/a.jpg", labels, scores, places)


def test_everything_found_and_nothing_else_is_one() -> None:
    truth = [sample((0, LEFT), (1, RIGHT)), sample((0, RIGHT))]
    said = [found((0, 0.9, LEFT), (1, 0.8, RIGHT)), found((0, 0.3, RIGHT))]
    assert quick_map(truth, said, CLASSES) == (pytest.approx(1), pytest.approx(1))


def test_nothing_found_is_nothing() -> None:
    assert quick_map([sample((0, LEFT))], [found()], CLASSES) == (0, 0)


def test_nothing_to_find_is_nothing() -> None:
    assert quick_map([sample()], [found((0, 0.9, LEFT))], CLASSES) == (0, 0)
    assert quick_map([], [], CLASSES) == (0, 0)


def test_the_right_box_under_the_wrong_name_is_wrong() -> None:
    assert quick_map([sample((0, LEFT))], [found((1, 0.9, LEFT))], CLASSES) == (0, 0)


def test_a_class_without_boxes_does_not_count() -> None:
    measured = measure([sample((0, LEFT))], [found((0, 0.9, LEFT), (1, 0.9, RIGHT))], CLASSES)
    assert measured.map50 == pytest.approx(1)
    assert np.isnan(measured.precisions[1]).all()


def test_a_loose_box_counts_at_half_and_not_above() -> None:
    """Six tenths of the width: found at overlaps of 0.5, 0.55 and 0.6, at three of ten."""
    loose = [LEFT[0], LEFT[1], LEFT[2] * 0.62, LEFT[3]]
    exact, at_half = quick_map([sample((0, LEFT))], [found((0, 0.9, loose))], CLASSES)
    assert at_half == pytest.approx(1)
    assert exact == pytest.approx(0.3)


def test_what_is_wrong_costs_only_where_it_is_surer_than_what_is_right() -> None:
    truth = [sample((0, LEFT))]
    assert quick_map(truth, [found((0, 0.9, LEFT), (0, 0.5, RIGHT))], CLASSES)[1] == pytest.approx(1)
    assert quick_map(truth, [found((0, 0.5, LEFT), (0, 0.9, RIGHT))], CLASSES)[1] == pytest.approx(0.5)
