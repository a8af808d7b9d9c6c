"""Test pictures without pixels, and detectors of a chosen quality that look at them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.training import needs_torch  # noqa: F401
from training.baselines import Rival, Rivals
from training.data import Dataset, Sample
from training.detecting import Detections
from training.evaluate import Evaluation

CLASSES = ("arrow", "cross", "heart")
SIDE = 320


@dataclass(frozen=True)
class Quality:
    """How often a box is found, how far off it is (share of its size), and how many things are seen per picture that
    are not there. `blind` names classes of which little is found."""

    found: float = 0.9
    off: float = 0.04
    invented: float = 0.6
    blind: tuple[str, ...] = ()


def dataset(pictures: int, seed: int = 0, classes: tuple[str, ...] = CLASSES, boxes: int = 3) -> Dataset:
    """So many test pictures of 320 x 320 with up to twice `boxes` boxes each, nowhere overlapping."""
    dice = np.random.default_rng(seed)
    return Dataset(
        classes, (), (), tuple(_sample(number, dice, len(classes), boxes) for number in range(pictures)), "Simulated"
    )


def _sample(number: int, dice: np.random.Generator, classes: int, boxes: int) -> Sample:
    # One cell of a grid of four by four for each box.
    cells = dice.permutation(16)[: dice.integers(1, 2 * boxes)]
    corners = np.stack([cells % 4, cells // 4], axis=1) / 4 + dice.uniform(0.01, 0.05, (len(cells), 2))
    sizes = dice.uniform(0.12, 0.18, (len(cells), 2))
    labels = dice.integers(0, classes, len(cells))
    places = np.concatenate([corners, sizes], axis=1).astype(np.float32)
    return Sample(Path(f"{number}.jpg"), f"images/{number}.jpg", SIDE, SIDE, labels, places)


def look(data: Dataset, quality: Quality, seed: int = 1) -> tuple[Detections, ...]:
    """What a detector of this quality says of the test pictures; surer of what is there than of what is not."""
    dice = np.random.default_rng(seed)
    blind = [data.classes.index(name) for name in quality.blind]
    return tuple(_looked(sample, quality, blind, len(data.classes), dice) for sample in data.test)


def _looked(sample: Sample, quality: Quality, blind: list[int], classes: int, dice: np.random.Generator) -> Detections:
    chance = np.where(np.isin(sample.labels, blind), 0.1, quality.found)
    seen = dice.random(len(sample.labels)) < chance
    moved = sample.boxes[seen] + dice.normal(0, quality.off, (int(seen.sum()), 4)) * np.tile(sample.boxes[seen, 2:], 2)
    extra = int(dice.poisson(quality.invented))
    wrong = np.concatenate([dice.uniform(0, 0.8, (extra, 2)), dice.uniform(0.1, 0.2, (extra, 2))], axis=1)
    scores = np.concatenate([dice.beta(6, 2, int(seen.sum())), dice.beta(2, 5, extra)])
    boxes = np.concatenate([moved, wrong]).clip(0.001, 1)
    labels = np.concatenate([sample.labels[seen], dice.integers(0, classes, extra)])
    return Detections(sample.file_name, labels, scores.astype(np.float32), boxes.astype(np.float32))


def rival(
    data: Dataset, detections: tuple[Detections, ...], *, title: str = "shapes v1", others: tuple[str, ...] = ()
) -> Rival:
    """One that knows all classes and has looked at all test pictures."""
    name, _, version = title.partition(" ")
    every = tuple(range(len(data.test)))
    return Rival(name, version, title, tuple(range(len(data.classes))), every, detections, others)


def evaluation(data: Dataset, detections: tuple[Detections, ...], rivals: Rivals) -> Evaluation:
    """As far as a verdict depends on it."""
    thresholds = dict.fromkeys(data.classes, 0.5)
    return Evaluation(data, detections, thresholds, rivals, candidate={}, running=None, others=())
