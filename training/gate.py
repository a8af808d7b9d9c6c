"""Whether a new model may take the place of the one that runs: on the same test pictures, and only on evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from training.baselines import Rival
from training.bootstrap import Floats, Interval, average_precisions, draws, interval, mean_over_classes
from training.config import GateConfig
from training.data import Sample
from training.detecting import Detections
from training.evaluate import Evaluation, beside, by_number
from training.matching import match
from training.scoring import numbers

SCHEMA: Final = "imagesift.verdict/1"


@dataclass(frozen=True, slots=True, eq=False)
class _Contest:
    """The new model (`ours`) against a rival or against nothing, on the pictures that both have looked at."""

    classes: Sequence[str]
    samples: Sequence[Sample]
    ours: Sequence[Floats]
    theirs: Sequence[Floats]
    rival: Rival | None

    @property
    def margin(self) -> Interval:
        difference = mean_over_classes(self.ours) - mean_over_classes(self.theirs)
        return interval(difference, len(self.samples))

    @property
    def margin_of_known(self) -> Interval | None:
        """The same on the classes that the rival knows; None where it knows all, or none."""
        known = self.rival.knows if self.rival else ()
        if not known or len(known) == len(self.classes):
            return None
        ours, theirs = ([averages[label] for label in known] for averages in (self.ours, self.theirs))
        return interval(mean_over_classes(ours) - mean_over_classes(theirs), len(self.samples))

    @property
    def against(self) -> str:
        return self.rival.title if self.rival else "nothing"

    def boxes(self, label: int) -> int:
        return sum(int(np.count_nonzero(sample.labels == label)) for sample in self.samples)

    def change(self, label: int) -> float | None:
        """Of a class's AP50; None where it has no boxes to find."""
        difference = float(self.ours[label][0] - self.theirs[label][0])
        return None if np.isnan(difference) else difference


def judge(evaluation: Evaluation, gate: GateConfig) -> dict[str, Any]:
    """The verdict as a document: passed, or refused with a sentence for each reason.

    Passed if mAP50 is higher than the running model's by more than the least margin, for the whole interval of a paired
    bootstrap, and no class's AP50 falls by more than the largest loss. Where no custom model runs, against the best of
    the detectors that it will run beside, on the classes and pictures they share, and against nothing on the others. No
    class may fall against any of them, and what is new must not hide that it is worse at what one of them knows.
    """
    contests = _contests(evaluation, gate)
    contest = contests[0]
    reasons = [
        *_too_little(contest, gate),
        *(reason for each in contests for reason in (*_lost(each, gate), *_worse_at_known(each))),
        *_no_better(contest, gate),
    ]
    return {
        "schema": SCHEMA,
        "verdict": "refused" if reasons else "passed",
        "reasons": reasons,
        "against": contest.rival.title if contest.rival else None,
        "margin": numbers(contest.margin),
        "classes": _changes(contest, gate),
        "images": len(contest.samples),
        "settings": asdict(gate),
    }


def _contests(evaluation: Evaluation, gate: GateConfig) -> list[_Contest]:
    """The one that decides comes first."""
    if evaluation.rivals.running:
        return [_against(evaluation, evaluation.rivals.running)]
    fit = [rival for rival in evaluation.rivals.others if rival.knows and len(rival.looked_at) >= gate.least_images]
    contests = [_against(evaluation, rival) for rival in fit]
    return sorted(contests, key=lambda contest: contest.margin.value) or [_against(evaluation, None)]


def _against(evaluation: Evaluation, rival: Rival | None) -> _Contest:
    dataset = evaluation.dataset
    chosen = rival.looked_at if rival else range(len(dataset.test))
    samples = [dataset.test[number] for number in chosen]
    weights = draws(len(samples))

    def averages(detections: Sequence[Detections]) -> list[Floats]:
        each = (match(samples, detections, label) for label in range(len(dataset.classes)))
        return [average_precisions(matched, weights) for matched in each]

    thresholds = by_number(dataset, evaluation.thresholds)
    ours = averages(beside(evaluation.detections, thresholds, rival) if rival else evaluation.detections)
    # Without a rival every box is still to be found: 0, or nothing to measure where we have nothing to measure.
    theirs = averages(rival.detections) if rival else [each * 0 for each in ours]
    return _Contest(dataset.classes, samples, ours, theirs, rival)


def _too_little(contest: _Contest, gate: GateConfig) -> list[str]:
    reasons = []
    if len(contest.samples) < gate.least_images:
        reasons.append(
            f"There is too little to judge by: {_count(len(contest.samples), 'test image')}, "
            f"and a verdict needs {gate.least_images}."
        )
    for label, name in enumerate(contest.classes):
        if contest.boxes(label) < gate.least_boxes:
            reasons.append(
                f"There is too little to judge “{name}” by: {_count(contest.boxes(label), 'box', 'boxes')} in the test "
                f"images, and a verdict needs {gate.least_boxes}."
            )
    return reasons


def _lost(contest: _Contest, gate: GateConfig) -> list[str]:
    reasons = [
        f"“{name}” is lost: the running model knows it, and the new one does not."
        for name in (contest.rival.others if contest.rival else ())
    ]
    for label, name in enumerate(contest.classes):
        change = contest.change(label)
        if change is not None and change < -gate.largest_loss:
            before, after = float(contest.theirs[label][0]), float(contest.ours[label][0])
            reasons.append(
                f"“{name}” falls from {before:.2f} ({contest.against}) to {after:.2f} (AP50), by more than the "
                f"{gate.largest_loss:.2f} allowed."
            )
    return reasons


def _worse_at_known(contest: _Contest) -> list[str]:
    known = contest.margin_of_known
    if known is None or known.high >= 0:
        return []
    return [f"It is worse than {contest.against} at the classes that both know: {_in_words(known)}."]


def _no_better(contest: _Contest, gate: GateConfig) -> list[str]:
    margin = contest.margin
    if margin.low > gate.least_margin:
        return []
    against, between = contest.against, _in_words(margin)
    needed = f" by more than {gate.least_margin:.2f}" if gate.least_margin else ""
    if margin.high < 0:
        return [f"It is worse than {against}: {between}."]
    return [f"It is not certain to be better than {against}{needed}: {between}."]


def _in_words(margin: Interval) -> str:
    return f"{margin.value:+.2f} mAP50, between {margin.low:+.2f} and {margin.high:+.2f}"


def _changes(contest: _Contest, gate: GateConfig) -> Mapping[str, Any]:
    changes: dict[str, Any] = {}
    for label, name in enumerate(contest.classes):
        change = contest.change(label)
        shown = None if change is None else round(change, 6)
        changes[name] = {"change": shown, "allowed": gate.largest_loss, "boxes": contest.boxes(label)}
    for name in contest.rival.others if contest.rival else ():
        changes[name] = {"change": None, "allowed": gate.largest_loss, "boxes": 0, "lost": True}
    return changes


def _count(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"
