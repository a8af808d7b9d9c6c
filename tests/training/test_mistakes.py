"""What a detector got wrong, in words that a person can act on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.test_measuring import LEFT, RIGHT, found, sample
from training.confusion import confusion, pair
from training.data import Dataset, Sample
from training.detecting import Detections
from training.mistakes import MOST, worst
from training.thresholds import choose

pytestmark = pytest.mark.torch

CLASSES = ("arrow", "cross")
CUTS = {0: 0.5, 1: 0.5}
ASIDE = [LEFT[0] + 0.1, LEFT[1], LEFT[2], LEFT[3]]


def told(truth: Sample, said: Detections, cuts: dict[int, float] | None = None) -> list[str]:
    return [one.words for one in worst(Dataset(CLASSES, (), (), (truth,), ""), (said,), cuts or CUTS)]


@pytest.mark.parametrize(
    ("truth", "said", "words"),
    [
        (sample((1, LEFT)), found((0, 0.87, LEFT)), "A cross was taken for an arrow (87 %)."),
        (sample((0, LEFT)), found(), "An arrow was missed."),
        (sample((0, LEFT)), found((0, 0.4, LEFT)), "An arrow was missed."),
        (sample(), found((1, 0.91, LEFT)), "A cross was seen where there is none (91 %)."),
        (sample((1, LEFT)), found((1, 0.9, LEFT), (1, 0.7, LEFT)), "A cross was seen twice (70 %)."),
        (sample((1, LEFT)), found((1, 0.72, ASIDE)), "A cross was found, but its box is off (72 %)."),
    ],
)
def test_each_kind_has_its_words(truth: Sample, said: Detections, words: str) -> None:
    assert told(truth, said) == [words]


def test_what_is_right_is_no_mistake() -> None:
    assert told(sample((0, LEFT), (1, RIGHT)), found((0, 0.6, LEFT), (1, 0.9, RIGHT), (1, 0.3, LEFT))) == []


def test_the_percentage_is_the_one_that_pages_show() -> None:
    (words,) = told(sample(), found((1, 0.8, LEFT)), {0: 0.5, 1: 0.6})
    assert words == "A cross was seen where there is none (75 %)."


def test_the_surest_mistakes_come_first_and_at_most_twelve() -> None:
    pictures = tuple(replace(sample(), file_name=f"{number}.jpg") for number in range(20))
    said = tuple(found((0, 0.5 + number / 50, LEFT)) for number in range(20))
    chosen = worst(Dataset(CLASSES, (), (), pictures, ""), said, CUTS)
    assert [one.sample for one in chosen] == list(range(19, 19 - MOST, -1))


def test_a_right_detection_is_paired_before_a_surer_confusion() -> None:
    pairing = pair(sample((0, LEFT)), found((1, 0.9, LEFT), (0, 0.6, LEFT)), CUTS)
    assert (pairing.pairs, pairing.missed, pairing.invented) == (((0, 1),), (), (0,))


def test_the_confusion_counts_truth_by_what_was_said() -> None:
    truth = [sample((0, LEFT), (1, RIGHT)), sample((0, LEFT))]
    said = [found((1, 0.9, LEFT), (1, 0.8, RIGHT)), found((1, 0.7, RIGHT))]
    counted = confusion(truth, said, CLASSES, CUTS)
    assert counted == {"labels": ["arrow", "cross", "nothing"], "counts": [[0, 1, 1], [0, 1, 0], [0, 1, 0]]}


def test_only_classes_with_a_threshold_are_counted() -> None:
    counted = confusion([sample((0, LEFT), (1, RIGHT))], [found((0, 0.9, LEFT), (1, 0.9, RIGHT))], CLASSES, {1: 0.5})
    assert counted == {"labels": ["cross", "nothing"], "counts": [[1, 0], [0, 0]]}


def test_a_threshold_is_where_f1_is_best_half_way_to_what_is_left_out() -> None:
    truth = [sample((0, LEFT)), sample((0, LEFT)), sample((0, LEFT))]
    said = [found((0, 0.9, LEFT)), found((0, 0.6, LEFT), (0, 0.4, RIGHT)), found((0, 0.1, RIGHT))]
    assert choose(truth, said, CLASSES)["arrow"] == pytest.approx(0.5)


def test_a_class_without_validation_boxes_gets_the_others_threshold() -> None:
    truth, said = [sample((0, LEFT))], [found((0, 0.8, LEFT))]
    assert choose(truth, said, CLASSES) == {"arrow": pytest.approx(0.4), "cross": pytest.approx(0.4)}
    assert choose([], [], CLASSES) == {"arrow": 0.5, "cross": 0.5}


def test_equal_scores_are_not_cut_apart() -> None:
    truth = [sample((0, LEFT)), sample()]
    said = [found((0, 0.6, LEFT)), found((0, 0.6, LEFT), (0, 0.3, LEFT))]
    chosen = choose(truth, said, CLASSES)["arrow"]
    assert chosen == pytest.approx(0.45)
    assert np.isfinite(chosen)
