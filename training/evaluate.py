"""The new model and those that run today, on the test pictures that no training has seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from recognition.detectors.calibration import Calibration
from training.baselines import Rival, Rivals
from training.bootstrap import average_precisions, draws, interval, mean_over_classes
from training.data import Dataset
from training.detecting import Detections, detect
from training.matching import match
from training.mistakes import draw_worst
from training.scoring import numbers, scores
from training.thresholds import choose
from training.train import Trained

BELIEVED_FROM: Final = 0.5
"""Where detectors that run today are cut: the portal shows what is 50 % sure and more."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """`detections` are the new model's on the test pictures, in their order; the rest is what the report says."""

    dataset: Dataset
    detections: tuple[Detections, ...]
    thresholds: Mapping[str, float]
    rivals: Rivals
    candidate: Mapping[str, Any]
    running: Mapping[str, Any] | None
    others: tuple[Mapping[str, Any], ...]
    worst: tuple[Mapping[str, Any], ...] = ()


def evaluate(
    dataset: Dataset,
    trained: Trained,
    rivals: Rivals,
    out: Path,
    *,
    at_once: int = 8,
    report: Callable[[int], None] = lambda _images: None,
) -> Evaluation:
    """Choose thresholds on the validation pictures, measure on the test pictures, and draw the worst mistakes.

    The pictures are written to `out`/report. `report` hears of pictures as the network has looked at them.
    """

    def look(samples: Any) -> list[Detections]:
        return detect(trained.model, trained.preprocessing, samples, dataset.classes, at_once=at_once, report=report)

    thresholds = choose(dataset.validation, look(dataset.validation), dataset.classes)
    detections = tuple(look(dataset.test))
    return Evaluation(
        dataset,
        detections,
        thresholds,
        rivals,
        candidate=scores(dataset.test, detections, dataset.classes, by_number(dataset, thresholds)),
        running=standing(dataset, rivals.running) if rivals.running else None,
        others=tuple(
            _beside(dataset, detections, by_number(dataset, thresholds), rival)
            for rival in rivals.others
            if rival.knows
        ),
        worst=tuple(draw_worst(dataset, detections, by_number(dataset, thresholds), out)),
    )


def by_number(dataset: Dataset, thresholds: Mapping[str, float]) -> Mapping[int, float]:
    return {number: thresholds[name] for number, name in enumerate(dataset.classes)}


def beside(detections: Sequence[Detections], thresholds: Mapping[int, float], rival: Rival) -> list[Detections]:
    """The new model's detections on the pictures that a rival has looked at, from where the rival's begin.

    An average precision grows with every doubtful detection: one that was measured without them must be compared with
    one that is.
    """
    calibration = Calibration(thresholds)
    return [detections[number].sure(calibration, rival.sure_from) for number in rival.looked_at]


def standing(dataset: Dataset, rival: Rival) -> dict[str, Any]:
    """A rival's numbers on the classes that it knows and the pictures that it has looked at."""
    samples = [dataset.test[number] for number in rival.looked_at]
    measured = scores(samples, rival.detections, dataset.classes, dict.fromkeys(rival.knows, BELIEVED_FROM))
    return {"name": rival.name, "version": rival.version, **measured}


def _beside(
    dataset: Dataset, detections: Sequence[Detections], thresholds: Mapping[int, float], rival: Rival
) -> dict[str, Any]:
    """Its numbers, and the new model's mAP50 on the same classes and pictures, without which they say little."""
    samples = [dataset.test[number] for number in rival.looked_at]
    ours = beside(detections, thresholds, rival)
    weights = draws(len(samples))
    averages = [average_precisions(match(samples, ours, label), weights) for label in rival.knows]
    measured = interval(mean_over_classes(averages), len(samples))
    return {**standing(dataset, rival), "candidate_map50": numbers(measured)}
