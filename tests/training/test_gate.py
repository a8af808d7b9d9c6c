"""The gate: a new model takes the running one's place only if it is better, on enough evidence, and loses nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.training.simulated import CLASSES, Quality, dataset, evaluation, look, rival
from training.baselines import Rival, Rivals
from training.config import GateConfig
from training.data import Dataset
from training.detecting import Detections
from training.evaluate import standing
from training.gate import judge

pytestmark = pytest.mark.torch

GOOD, POOR = Quality(found=0.95, invented=0.4), Quality(found=0.6, off=0.06, invented=1.5)


def verdict(data: Dataset, new: Quality, old: Quality | None = None, gate: GateConfig | None = None) -> dict[str, Any]:
    running = rival(data, look(data, old, seed=2)) if old else None
    return judge(evaluation(data, look(data, new), Rivals(running)), gate or GateConfig())


def test_a_clearly_better_model_passes() -> None:
    judged = verdict(dataset(40), GOOD, POOR)
    assert (judged["verdict"], judged["reasons"]) == ("passed", [])
    value, low, high = judged["margin"]
    assert 0 < low < value < high < 1
    assert judged["against"] == "shapes v1"
    assert judged["images"] == 40
    assert set(judged["classes"]) == set(CLASSES)
    assert all(each["change"] > 0 and each["boxes"] >= 5 for each in judged["classes"].values())
    assert judged["settings"] == {"least_margin": 0.0, "largest_loss": 0.05, "least_images": 10, "least_boxes": 5}


def test_a_worse_model_is_refused() -> None:
    judged = verdict(dataset(40), POOR, GOOD)
    assert judged["verdict"] == "refused"
    assert judged["margin"][2] < 0
    assert any(reason.startswith("It is worse than shapes v1: -0.") for reason in judged["reasons"])


def test_one_that_answers_the_same_is_not_better() -> None:
    data = dataset(40)
    found = look(data, GOOD)
    judged = judge(evaluation(data, found, Rivals(rival(data, found))), GateConfig())
    assert judged["margin"] == [0, 0, 0]
    assert judged["reasons"] == [
        "It is not certain to be better than shapes v1: +0.00 mAP50, between +0.00 and +0.00.",
    ]


def test_a_better_model_is_refused_while_chance_could_explain_it() -> None:
    """Better by as much on twelve pictures as on four hundred, where it passes."""
    better, worse = Quality(found=0.85), Quality(found=0.78)
    lenient = GateConfig(largest_loss=1.0, least_boxes=0)
    few, many = verdict(dataset(12, seed=6), better, worse, lenient), verdict(dataset(400), better, worse, lenient)
    assert few["margin"][0] > many["margin"][0] > 0
    assert few["verdict"] == "refused"
    assert "It is not certain to be better" in few["reasons"][0]
    assert many["verdict"] == "passed"


def test_too_few_images_are_too_little_evidence_however_good_it_is() -> None:
    judged = verdict(dataset(9), GOOD, POOR)
    assert judged["verdict"] == "refused"
    assert "There is too little to judge by: 9 test images, and a verdict needs 10." in judged["reasons"]


def test_too_few_boxes_of_one_class_are_too_little_evidence() -> None:
    data = dataset(40)
    rare = [replace_labels(sample, 2, 0) if number else sample for number, sample in enumerate(data.test)]
    judged = verdict(replace(data, test=tuple(rare)), GOOD, POOR)
    assert judged["classes"]["heart"]["boxes"] < 5
    assert any("too little to judge “heart” by" in reason for reason in judged["reasons"])


def replace_labels(sample: Any, old: int, new: int) -> Any:
    labels = sample.labels.copy()
    labels[labels == old] = new
    return replace(sample, labels=labels)


def test_one_that_is_better_on_the_whole_but_loses_a_class_is_refused() -> None:
    old, new = Quality(found=0.5), Quality(found=1.0, off=0.01, invented=0, blind=("heart",))
    judged = verdict(dataset(60), new, old)
    assert judged["margin"][1] > 0
    assert judged["verdict"] == "refused"
    assert judged["classes"]["heart"]["change"] < -0.05
    (reason,) = judged["reasons"]
    assert reason.startswith("“heart” falls from 0.")


def test_one_that_no_longer_knows_a_class_is_refused() -> None:
    data = dataset(40)
    running = rival(data, look(data, POOR), others=("star",))
    judged = judge(evaluation(data, look(data, GOOD), Rivals(running)), GateConfig())
    assert judged["reasons"] == ["“star” is lost: the running model knows it, and the new one does not."]
    assert judged["classes"]["star"] == {"change": None, "allowed": 0.05, "boxes": 0, "lost": True}


def test_a_class_may_fall_as_far_as_is_allowed() -> None:
    old, new = Quality(found=0.5), Quality(found=1.0, off=0.01, invented=0, blind=("heart",))
    assert verdict(dataset(60), new, old, GateConfig(largest_loss=0.9))["verdict"] == "passed"


def test_it_has_to_be_better_by_the_margin_asked_for() -> None:
    judged = verdict(dataset(40), GOOD, POOR, GateConfig(least_margin=0.9))
    assert judged["verdict"] == "refused"
    assert "better than shapes v1 by more than 0.90" in judged["reasons"][0]


def test_where_nothing_runs_it_is_judged_against_nothing() -> None:
    judged = verdict(dataset(40), GOOD)
    assert judged["verdict"] == "passed"
    assert judged["against"] is None
    assert judged["margin"][0] > 0.7


def test_one_that_finds_nothing_is_refused_even_where_nothing_runs() -> None:
    judged = verdict(dataset(40), Quality(found=0.0, invented=1.0))
    assert judged["verdict"] == "refused"


def beside(data: Dataset, quality: Quality, title: str, knows: tuple[int, ...], looked_at: range) -> Rival:
    found = look(data, quality, seed=3)
    known = [
        type(each)(each.file_name, *(part[[label in knows for label in each.labels]] for part in parts(each)))
        for each in found
    ]
    every = rival(data, tuple(known[number] for number in looked_at), title=title)
    return replace(every, knows=knows, looked_at=tuple(looked_at))


def parts(found: Any) -> tuple[Any, Any, Any]:
    return found.labels, found.scores, found.boxes


def test_without_a_custom_model_it_is_judged_against_the_best_of_those_it_will_run_beside() -> None:
    data = dataset(60)
    knows_one = beside(data, GOOD, "rekognition 3.0", (0,), range(60))
    knows_more = beside(data, GOOD, "onnx r18", (0, 1), range(20, 60))
    saw_little = beside(data, GOOD, "onnx r50", (0, 1, 2), range(5))
    rivals = Rivals(None, (knows_one, saw_little, knows_more))
    judged = judge(evaluation(data, look(data, GOOD), rivals), GateConfig(largest_loss=0.2))
    assert judged["against"] == "onnx r18"
    assert judged["images"] == 40
    # Against nothing on the class that it alone knows.
    assert judged["classes"]["heart"]["change"] > 0.7 > 0.2 > judged["classes"]["arrow"]["change"]
    assert judged["verdict"] == "passed"


def test_a_detector_whose_doubts_were_never_written_down_is_not_beaten_by_its_own_answers() -> None:
    """The unsure half of its detections is gone, as in stored results: the new model's are not to count either."""
    data = dataset(200)
    unsure = tuple(replace(each, scores=each.scores * 0.5) for each in look(data, GOOD))
    stored = tuple(Detections(each.file_name, *(part[each.scores >= 0.3] for part in parts(each))) for each in unsure)
    theirs = replace(rival(data, stored, title="rekognition 3.0"), sure_from=0.3)
    judged = judge(evaluation(data, unsure, Rivals(None, (theirs,))), GateConfig())
    assert judged["margin"] == [0, 0, 0]
    assert judged["verdict"] == "refused"


def test_a_new_class_does_not_hide_that_it_is_worse_at_the_others() -> None:
    data = dataset(400)
    worse, lenient = Quality(found=0.88, invented=0.4), GateConfig(largest_loss=0.2)
    running = beside(data, GOOD, "shapes v1", (0, 1), range(400))
    judged = judge(evaluation(data, look(data, worse), Rivals(running)), lenient)
    assert judged["margin"][1] > 0, "all its hearts are new"
    (reason,) = judged["reasons"]
    assert reason.startswith("It is worse than shapes v1 at the classes that both know: -0.")


def test_no_class_may_fall_against_any_of_those_it_will_run_beside() -> None:
    data = dataset(60)
    strong = beside(data, GOOD, "rekognition 3.0", (0,), range(60))
    stronger = beside(data, GOOD, "onnx r18", (0, 1), range(60))
    blind = Quality(found=0.95, invented=0.4, blind=("arrow",))
    judged = judge(evaluation(data, look(data, blind), Rivals(None, (strong, stronger))), GateConfig())
    assert {"rekognition 3.0", "onnx r18"} == {
        name for name in ("rekognition 3.0", "onnx r18") for reason in judged["reasons"] if f"({name}) to" in reason
    }


def test_a_running_model_of_other_things_alone_is_lost_and_that_is_the_verdict() -> None:
    data = dataset(40)
    none = tuple(Detections(each.file_name, *(part[:0] for part in parts(each))) for each in look(data, GOOD))
    running = replace(rival(data, none, title="pets v3", others=("cat",)), knows=())
    assert standing(data, running)["map50"] is None
    judged = judge(evaluation(data, look(data, GOOD), Rivals(running)), GateConfig())
    assert judged["reasons"] == ["“cat” is lost: the running model knows it, and the new one does not."]


def test_the_same_evidence_gives_the_same_verdict() -> None:
    assert verdict(dataset(40), GOOD, POOR) == verdict(dataset(40), GOOD, POOR)
