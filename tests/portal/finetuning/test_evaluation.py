"""What the page of a model version reads out of the documents of its training."""

from __future__ import annotations

import pytest

from portal.finetuning.evaluation import FIELD, Evaluation, pictures, read
from tests.portal.finetuning.reports import measured, of_class, report, verdict


def evaluation_of(*args: object, **values: object) -> Evaluation:
    found = read(*args, **values)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_nothing_is_read_before_there_is_a_report() -> None:
    assert read({}, {}) is None
    assert pictures({}) == {}


def test_models_stand_side_by_side_in_percent_with_their_intervals() -> None:
    running = measured("shapes", "shapes-v1-0123456789ab", (0.71, 0.6, 0.8))
    rekognition = measured("rekognition", "3.0", (0.1, 0.0, 0.2), candidate_map50=[0.66, 0.5, 0.7], images=12)
    rekognition["classes"] = {"heart": of_class((0.1, 0.0, 0.2))}
    ours, ran, other = evaluation_of(report(running=running, others=[rekognition]), verdict()).models
    assert (ours.title, ours.images, ours.classes) == ("This version", 30, 3)
    assert (ours.map50, ours.low, ours.high, ours.ours) == (83, 70, 90, None)
    assert ran.title == "shapes-v1-0123456789ab, which ran"
    assert (other.title, other.images, other.classes, other.ours) == ("Amazon Rekognition 3.0", 12, 1, 66)


def test_what_could_not_be_measured_is_told_as_nothing_and_not_as_zero() -> None:
    candidate = measured("shapes", "2", None, map=None, confusion=None)
    candidate["classes"] = {"arrow": of_class(None), "cross": of_class((0.0, 0.0, 0.0))}
    evaluation = evaluation_of(report(candidate=candidate), {**verdict(), "margin": None})
    (ours,) = evaluation.models
    assert (ours.map50, ours.low, ours.mean, ours.classes) == (None, None, None, 1)
    arrow, cross = evaluation.classes
    assert (arrow.boxes, arrow.ap50, arrow.precision, arrow.points) == (0, None, None, "")
    assert cross.ap50 == 0
    assert (evaluation.said, evaluation.confusion, evaluation.verdict) == ((), (), "")


def test_a_class_shows_its_numbers_at_the_threshold_and_its_change() -> None:
    arrow, cross, heart = evaluation_of(report(), verdict(against="shapes v1")).classes
    assert (arrow.name, arrow.boxes, arrow.ap50, arrow.low, arrow.high) == ("arrow", 31, 70, 60, 80)
    assert (arrow.precision, arrow.recall, arrow.f1) == pytest.approx((64, 50, 56))
    assert (arrow.threshold, cross.threshold) == pytest.approx((43.63, 59.36))
    assert (arrow.change, cross.change, heart.change) == (-2, 20, 0)
    assert {arrow.color, cross.color, heart.color} == {0, 1, 2}


def test_a_first_version_has_no_change_to_show() -> None:
    assert {each.change for each in evaluation_of(report(), verdict()).classes} == {None}


def test_a_curve_runs_with_recall_to_the_right_and_precision_upwards() -> None:
    arrow = evaluation_of(report(), verdict()).classes[0]
    assert arrow.points == f"{FIELD.width / 4:.1f},0.0 {FIELD.width / 2:.1f},{FIELD.height / 4:.1f}"
    ticks = FIELD.ticks
    assert [tick.percent for tick in ticks] == [0, 25, 50, 75, 100]
    assert ((ticks[0].x, ticks[0].y), (ticks[-1].x, ticks[-1].y)) == ((0, FIELD.height), (FIELD.width, 0))


def test_shades_tell_shares_of_a_row_and_one_box_alone_is_seen() -> None:
    counts = [[99, 1, 0], [0, 0, 0], [1, 1, 2]]
    candidate = measured("shapes", "2", (0.5, 0.4, 0.6), confusion={"labels": ["a", "b", "nothing"], "counts": counts})
    evaluation = evaluation_of(report(candidate=candidate), verdict())
    shades = [[cell.shade for cell in row.cells] for row in evaluation.confusion]
    assert shades == [[5, 1, 0], [0, 0, 0], [2, 2, 3]]
    assert [cell.is_right for cell in evaluation.confusion[0].cells] == [True, False, False]
    assert evaluation.said == ("a", "b", "nothing")


def test_mistakes_name_pictures_without_their_folder() -> None:
    document = report(worst=["A cross was missed."])
    (mistake,) = evaluation_of(document, verdict()).mistakes
    assert (mistake.picture, mistake.words) == ("worst-1.jpg", "A cross was missed.")
    assert pictures(document) == {"worst-1.jpg": "images/1.jpg"}


def test_the_verdict_is_a_sentence_against_what_ran_and_another_where_nothing_did() -> None:
    passed = evaluation_of(report(), verdict(against="shapes v1", margin=(0.124, -0.012, 0.2)))
    expected = "On 30 test photos its mAP50 is +12 percentage points against shapes v1 (95 % interval -1 to +20)."
    assert passed.verdict == expected
    first = evaluation_of(report(), {**verdict(margin=(0.62, 0.58, 0.69)), "images": 1})
    assert first.verdict.startswith("On 1 test photo its mAP50 is 62 % (95 % interval 58 to 69 %).")


def test_facts_tell_how_it_was_trained() -> None:
    facts = dict(evaluation_of(report(), verdict()).facts)
    assert facts["Images in each split"] == "40 / 20 / 30"
    assert facts["Steps"] == "150 of 150, the best at 140"
    assert facts["Time of training"] == "1 min 2 s"
    assert facts["Weights"] == "1,156,141"
    assert facts["ONNX against PyTorch"] == "scores differ by 1e-06 at most"


def test_there_are_colours_for_more_classes_than_colours() -> None:
    many = {f"class {number:02}": of_class((0.5, 0.4, 0.6)) for number in range(10)}
    candidate = measured("shapes", "2", (0.5, 0.4, 0.6), classes=many)
    colors = [each.color for each in evaluation_of(report(candidate=candidate), verdict()).classes]
    assert colors == [0, 1, 2, 3, 4, 5, 6, 7, 0, 1]
