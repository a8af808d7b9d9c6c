"""The interval holds the truth as often as it says, and its measure is COCO's."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.training.simulated import CLASSES, Quality, dataset, look
from training.bootstrap import Floats, average_precisions, draws, interval, mean_over_classes
from training.matching import Matched, match
from training.measuring import measure

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("pictures", "quality"),
    [
        (1, Quality()),
        (12, Quality(found=0.3, invented=4)),
        (40, Quality(found=0.7, off=0.15)),
        (150, Quality(found=0.9, off=0.1, invented=2, blind=("cross",))),
        (30, Quality(found=0.0)),
    ],
)
def test_average_precision_is_that_of_faster_coco_eval(pictures: int, quality: Quality) -> None:
    for seed in range(4):
        data = dataset(pictures, seed)
        found = look(data, quality, seed + 100)
        expected = measure(data.test, found, CLASSES).precisions[:, 0]
        ours = [average_precisions(match(data.test, found, label), np.ones((1, pictures)))[0] for label in range(3)]
        assert ours == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_a_draw_is_measured_as_if_its_pictures_were_all_there_were() -> None:
    """Weights stand for copies: the same as matching a list in which each picture stands as often as it was drawn."""
    data = dataset(30)
    found = look(data, Quality(found=0.6, off=0.1, invented=2))
    weights = draws(30, 5)
    for row in weights:
        copies = np.repeat(np.arange(30), row.astype(int))
        samples, said = [data.test[at] for at in copies], [found[at] for at in copies]
        expected = measure(samples, said, CLASSES).precisions[:, 0]
        ours = [average_precisions(match(data.test, found, label), row[None])[0] for label in range(3)]
        assert ours == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_every_draw_is_of_as_many_pictures_as_there_are() -> None:
    weights = draws(25, 100)
    assert weights.shape == (101, 25)
    assert (weights[0] == 1).all()
    assert (weights.sum(axis=1) == 25).all()
    assert (draws(25, 100) == weights).all()


def matched(dice: np.random.Generator, pictures: int) -> Matched:
    """One class: pictures differ in how hard they are, so their detections are right or wrong together."""
    ease = dice.normal(0, 0.8, pictures)
    boxes = dice.poisson(1.5, pictures)
    right = dice.binomial(boxes, 1 / (1 + np.exp(-0.85 - ease)))
    wrong = dice.poisson(0.6 * np.exp(-0.3 * ease))
    which = np.concatenate([np.repeat(np.arange(pictures), right), np.repeat(np.arange(pictures), wrong)])
    true = np.arange(len(which)) < right.sum()
    scores = dice.normal(np.where(true, 1.0, -0.5), 1.0)
    order = np.argsort(-scores)
    return Matched(which[order], scores[order].astype(np.float32), true[order], boxes)


def precision(each: Matched, weights: Floats) -> Floats:
    return mean_over_classes([average_precisions(each, weights)])


@pytest.mark.parametrize("pictures", [20, 60])
def test_the_interval_holds_the_truth_in_about_95_of_100_test_sets(pictures: int) -> None:
    dice = np.random.default_rng(pictures)
    truth = precision(matched(dice, 30_000), np.ones((1, 30_000)))[0]
    held, weights = 0, draws(pictures, 300)
    for _ in range(250):
        measured = interval(precision(matched(dice, pictures), weights), pictures)
        held += measured.low <= truth <= measured.high
    assert 0.88 <= held / 250 <= 0.99


def test_the_difference_of_two_equal_models_excludes_zero_in_about_5_of_100_test_sets() -> None:
    """Two detectors of the same quality on the same pictures: certain only by chance."""
    certain, weights = 0, draws(40, 300)
    for seed in range(60):
        data = dataset(40, seed)
        one, other = (
            mean_over_classes(
                [average_precisions(match(data.test, found, label), weights) for label in range(len(CLASSES))]
            )
            for found in (look(data, Quality(found=0.7), 2 * seed), look(data, Quality(found=0.7), 2 * seed + 1))
        )
        margin = interval(one - other, 40)
        certain += margin.low > 0 or margin.high < 0
    assert certain / 60 <= 0.15


def test_measuring_side_by_side_is_sharper_than_each_by_itself() -> None:
    """Both find the same pictures hard: their difference varies less than if each had pictures of its own."""
    dice = np.random.default_rng(5)
    first = matched(dice, 60)
    second = Matched(first.pictures, first.scores, first.right & (dice.random(len(first.right)) < 0.95), first.boxes)
    weights = draws(60, 500)
    apart = interval(precision(first, weights) - precision(second, weights), 60)
    alone = interval(precision(first, weights), 60)
    assert apart.low > 0
    assert apart.high - apart.low < 0.7 * math.sqrt(2) * (alone.high - alone.low)


def test_one_picture_says_nothing_of_others() -> None:
    measured = interval(np.array([0.8, 0.8, 0.8]), 1)
    assert (measured.value, measured.low, measured.high) == (0.8, -1, 1)


def test_what_could_not_be_measured_has_no_interval() -> None:
    assert np.isnan(interval(np.array([np.nan, 0.5]), 10).low)
