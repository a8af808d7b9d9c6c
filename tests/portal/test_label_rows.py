"""The rows of labels on the image page: the word of people first, and why each label is there."""

from __future__ import annotations

from uuid import UUID

from portal.images.label_rows import Decided, label_rows
from portal.images.models import LabelState
from portal.moderation.truth import PEOPLE, Disagreement, Prediction, TrueInstance, TrueLabel
from recognition.result import Box, DetectorRun

LEFT, RIGHT = Box(0.0, 0.2, 0.4, 0.5), Box(0.6, 0.5, 0.3, 0.3)
ONE, TWO = UUID(int=1), UUID(int=2)
DECIDED = {
    ONE: Decided("A moderator corrected this on 3 May 2026.", "The object detector had said “Dog”, 61 % sure."),
    TWO: Decided("A moderator approved this on 4 May 2026."),
}
RUNS = {"onnx": DetectorRun("onnx", "1", 12)}

CORRECTED = TrueLabel(
    "Wolf",
    PEOPLE,
    100,
    LabelState.CORRECTED,
    instances=(TrueInstance(LEFT, 100, LabelState.CORRECTED, Prediction("Dog", "onnx", 61, RIGHT), ONE),),
)


def test_what_was_corrected_tells_what_the_detector_had_said_and_who_decided() -> None:
    (row,) = label_rows("label", [CORRECTED], RUNS, DECIDED)
    assert (row.name, row.badge, row.confidence) == ("Wolf", "Corrected", 100)
    (evidence,) = row.evidence
    assert (evidence.said, evidence.detector, evidence.confidence, evidence.places) == ("Dog", "onnx", 61, 1)
    assert evidence.run == RUNS["onnx"]
    assert row.decisions == (DECIDED[ONE].sentence,)


def test_boxes_lie_where_people_drew_them() -> None:
    (row,) = label_rows("label", [CORRECTED], RUNS, DECIDED)
    assert [(box.box, box.by_people, box.confidence) for box in row.boxes] == [(LEFT, True, 100)]


def test_one_row_holds_what_people_and_detectors_say_of_a_name_whatever_its_letters() -> None:
    predicted = TrueLabel(
        "wolf",
        "rekognition",
        70,
        LabelState.PREDICTED,
        parents=("Animal",),
        instances=(TrueInstance(RIGHT, 80, LabelState.PREDICTED, Prediction("wolf", "rekognition", 80, RIGHT)),),
        predicted=Prediction("wolf", "rekognition", 70),
    )
    (row,) = label_rows("label", [CORRECTED, predicted], RUNS, DECIDED)
    assert (row.state, row.parents) == (LabelState.CORRECTED, ("Animal",))
    assert [(each.said, each.detector, each.confidence, each.places) for each in row.evidence] == [
        ("wolf", "rekognition", 70, 1),
        ("Dog", "onnx", 61, 1),
    ]
    assert [(box.by_people, box.confidence) for box in row.boxes] == [(True, 100), (False, 70)]


def test_the_same_decision_on_several_boxes_is_said_once() -> None:
    places = tuple(
        TrueInstance(box, 100, LabelState.APPROVED, Prediction("Dog", "onnx", 90, box), annotation)
        for box, annotation in ((LEFT, ONE), (RIGHT, TWO), (RIGHT, TWO))
    )
    approved = TrueLabel("Dog", "onnx", 100, LabelState.APPROVED, instances=places)
    (row,) = label_rows("label", [approved], RUNS, {ONE: DECIDED[TWO], TWO: DECIDED[TWO]})
    assert row.decisions == (DECIDED[TWO].sentence,)
    assert row.badge == "Approved"


def test_what_no_detector_says_any_more_is_remembered() -> None:
    place = TrueInstance(LEFT, 100, LabelState.CORRECTED, None, ONE)
    wolf = TrueLabel("Wolf", PEOPLE, 100, LabelState.CORRECTED, instances=(place,))
    (row,) = label_rows("label", [wolf], RUNS, DECIDED)
    assert row.evidence == ()
    assert row.decisions == (DECIDED[ONE].sentence, DECIDED[ONE].had_said)


def test_a_row_tells_where_the_newest_recognition_says_something_else() -> None:
    refused = TrueLabel("Cat", "onnx", 61, LabelState.REJECTED, predicted=Prediction("Cat", "onnx", 61))
    disagreements = [
        Disagreement("rejected", "cat", "rekognition", 88.4),
        Disagreement("gone", "Wolf", "onnx", 61),
    ]
    rows = label_rows("label", [refused, CORRECTED], RUNS, DECIDED, disagreements)
    assert {row.name: row.doubts for row in rows} == {
        "Cat": ("Amazon Rekognition says “cat” in the newest recognition, 88 % sure.",),
        "Wolf": ("The newest recognition does not find “Wolf” there any more.",),
    }


def test_what_only_detectors_say_has_no_badge() -> None:
    (row,) = label_rows("label", [TrueLabel("Cat", "onnx", 61, LabelState.PREDICTED)], {}, {})
    assert (row.badge, row.decisions, row.doubts) == ("", (), ())
