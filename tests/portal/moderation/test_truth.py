"""From predictions, decisions and vocabulary to what is true: pure, without a database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from portal.images.models import Image, Label, LabelState
from portal.moderation.matching import assign, iou
from portal.moderation.models import Annotation
from portal.moderation.truth import Disagreement, Truth
from portal.moderation.weighing import truth_of
from portal.moderation.words import Vocabulary
from recognition.result import Box, DetectorRun, Failure, Result
from recognition.result import Label as FoundLabel
from tests.conftest import make_result
from tests.portal.moderation.deciding import LEFT, NEAR_LEFT, NOW, RIGHT, RUNS, said

PLAIN = Vocabulary({}, {})
APPROVED, REJECTED, CORRECTED, ADDED = (
    LabelState.APPROVED,
    LabelState.REJECTED,
    LabelState.CORRECTED,
    LabelState.ADDED,
)


def found(*labels: FoundLabel, minutes: int = 0, **changes: Any) -> Result:
    """What detectors say, so many minutes after NOW."""
    image = Image(owner_id=1, sha256="0" * 64, byte_size=1)
    at = NOW + timedelta(minutes=minutes)
    return make_result(image, labels=labels, recognized_at=at, **{"detectors": RUNS, **changes})


def word(
    state: LabelState,
    label: str,
    box: Box | None = None,
    *,
    told: str | None = None,
    told_box: Box | None = None,
    detector: str = "onnx",
    minutes: int = 1,
) -> Annotation:
    """An annotation so many minutes after NOW. Without `told`, what was added; with it, on that prediction."""
    annotation = Annotation(
        id=uuid4(), label=Label(name=label), state=state, decided_at=NOW + timedelta(minutes=minutes)
    )
    boxes = [("", box)]
    if told is not None:
        annotation.predicted_label, annotation.detector, annotation.predicted_confidence = (
            Label(name=told),
            detector,
            90,
        )
        boxes.append(("predicted_", told_box or box))
    for prefix, each in boxes:
        if each is not None:
            for side in ("left", "top", "width", "height"):
                setattr(annotation, f"{prefix}{side}", getattr(each, side))
    return annotation


def approved(label: str, box: Box | None = None, **more: Any) -> Annotation:
    return word(APPROVED, label, box, told=label, **more)


def rejected(label: str, box: Box | None = None, **more: Any) -> Annotation:
    return word(REJECTED, label, box, told=label, **more)


def weigh(result: Result | None, *annotations: Annotation, words: Vocabulary = PLAIN, completed: bool = False) -> Truth:
    return truth_of(result, annotations, words, completed)


def held(truth: Truth) -> dict[tuple[str, str], tuple[str, float, list[tuple[Box, str]]]]:
    """By title and detector: state, confidence, and the boxes with their states."""
    return {
        (label.name, label.detector): (
            label.state.value,
            label.confidence,
            [(each.box, each.state.value) for each in label.instances],
        )
        for label in truth.labels
    }


def titles(truth: Truth) -> list[str]:
    return [label.name for label in truth.labels]


# Predictions alone ------------------------------------------------------------------------------------------------


def test_without_anybodys_word_the_truth_is_what_detectors_said() -> None:
    truth = weigh(found(said("Dog", 90, boxes=(LEFT,), parents=("Animal",), aliases=("Hound",)), said("Cat", 95)))
    assert held(truth) == {
        ("Cat", "onnx"): ("predicted", 95, []),
        ("Dog", "onnx"): ("predicted", 90, [(LEFT, "predicted")]),
    }
    assert titles(truth) == ["Cat", "Dog"], "the surest first"
    dog = truth.labels[1]
    assert (dog.parents, dog.aliases) == (("Animal",), ("Hound",))
    assert truth.rejected == truth.disagreements == ()


def test_an_image_that_was_never_recognised_has_what_people_said() -> None:
    assert held(weigh(None, word(ADDED, "Ball", LEFT))) == {("Ball", "people"): ("added", 100, [(LEFT, "added")])}


def test_a_detector_that_names_a_label_twice_says_it_once() -> None:
    assert held(weigh(found(said("Dog", 60), said("Dog", 80)))) == {("Dog", "onnx"): ("predicted", 80, [])}


# Boxes ------------------------------------------------------------------------------------------------------------


def test_an_approved_box_holds_and_keeps_its_detector() -> None:
    truth = weigh(found(said("Dog", boxes=(LEFT, RIGHT))), approved("Dog", LEFT))
    assert held(truth) == {("Dog", "onnx"): ("approved", 100, [(LEFT, "approved"), (RIGHT, "predicted")])}


def test_a_rejected_box_is_refused_and_the_label_stays_with_the_other() -> None:
    truth = weigh(found(said("Dog", boxes=(LEFT, RIGHT))), rejected("Dog", LEFT))
    assert held(truth) == {("Dog", "onnx"): ("predicted", 90, [(RIGHT, "predicted")])}
    assert [each.box for each in truth.rejected[0].instances] == [LEFT]


def test_a_label_is_no_surer_than_the_boxes_that_are_left() -> None:
    surest, other = said("Dog", 95, boxes=(LEFT,)).instances[0], said("Dog", 40, boxes=(RIGHT,)).instances[0]
    truth = weigh(found(FoundLabel("Dog", 95, "onnx", instances=(surest, other))), rejected("Dog", LEFT))
    assert held(truth) == {("Dog", "onnx"): ("predicted", 40, [(RIGHT, "predicted")])}


def test_with_all_of_its_boxes_a_label_is_refused() -> None:
    truth = weigh(found(said("Dog", boxes=(LEFT, RIGHT))), rejected("Dog", LEFT), rejected("Dog", RIGHT))
    assert held(truth) == {}
    assert [label.name for label in truth.rejected] == ["Dog"]


def test_a_relabelled_box_takes_the_place_of_the_prediction() -> None:
    annotation = word(CORRECTED, "Dog", LEFT, told="Wolf")
    truth = weigh(found(said("Wolf", 70, boxes=(LEFT,))), annotation)
    assert held(truth) == {("Dog", "people"): ("corrected", 100, [(LEFT, "corrected")])}
    box = truth.labels[0].instances[0]
    assert box.annotation == annotation.pk
    assert box.predicted is not None
    assert (box.predicted.name, box.predicted.confidence, box.predicted.box) == ("Wolf", 70, LEFT)


def test_a_moved_box_lies_where_the_person_put_it_and_is_of_the_same_kind() -> None:
    moved = Box(0.3, 0.3, 0.3, 0.4)
    truth = weigh(
        found(said("Dog", boxes=(LEFT,), parents=("Animal",))), word(CORRECTED, "Dog", moved, told="Dog", told_box=LEFT)
    )
    assert held(truth) == {("Dog", "people"): ("corrected", 100, [(moved, "corrected")])}
    assert truth.labels[0].parents == ("Animal",)


def test_one_word_decides_on_the_boxes_of_two_detectors_at_one_place() -> None:
    result = found(said("Dog", boxes=(LEFT,)), said("Dog", 60, "rekognition", boxes=(NEAR_LEFT,)))
    assert held(weigh(result, rejected("Dog", LEFT))) == {}
    both = held(weigh(result, approved("Dog", LEFT)))
    assert both == {
        ("Dog", "onnx"): ("approved", 100, [(LEFT, "approved")]),
        ("Dog", "rekognition"): ("approved", 100, [(LEFT, "approved")]),
    }
    assert titles(weigh(result, word(CORRECTED, "Cat", LEFT, told="Dog"))) == ["Cat"]


def test_of_two_overlapping_dogs_each_decision_finds_its_own() -> None:
    one, other = Box(0.1, 0.1, 0.4, 0.4), Box(0.15, 0.1, 0.4, 0.4)
    assert iou(one, other) > 0.7
    shifted_one, shifted_other = Box(0.11, 0.1, 0.4, 0.4), Box(0.17, 0.1, 0.4, 0.4)
    result = found(said("Dog", boxes=(shifted_other, shifted_one)))
    truth = weigh(result, rejected("Dog", one), approved("Dog", other))
    assert held(truth) == {("Dog", "onnx"): ("approved", 100, [(other, "approved")])}
    assert [each.box for each in truth.rejected[0].instances] == [shifted_one]


def test_one_decision_takes_one_box_of_a_detector_only() -> None:
    truth = weigh(found(said("Dog", boxes=(NEAR_LEFT, LEFT))), rejected("Dog", LEFT))
    assert held(truth) == {("Dog", "onnx"): ("predicted", 90, [(NEAR_LEFT, "predicted")])}


def test_a_box_of_another_label_at_the_same_place_is_left_alone() -> None:
    truth = weigh(found(said("Dog", boxes=(LEFT,)), said("Collar", boxes=(LEFT,))), rejected("Dog", LEFT))
    assert titles(truth) == ["Collar"]


def test_a_box_that_shares_less_than_half_is_another() -> None:
    far = Box(0.25, 0.2, 0.3, 0.4)
    assert iou(LEFT, far) < 0.5
    assert titles(weigh(found(said("Dog", boxes=(far,))), rejected("Dog", LEFT))) == ["Dog"]


def test_a_detector_that_says_later_what_a_person_drew_says_nothing_new() -> None:
    truth = weigh(found(said("Ball", 80, boxes=(NEAR_LEFT,))), word(ADDED, "Ball", LEFT))
    assert held(truth) == {("Ball", "people"): ("added", 100, [(LEFT, "added")])}
    predicted = truth.labels[0].instances[0].predicted
    assert predicted is not None
    assert predicted.confidence == 80


# Labels of the whole image ----------------------------------------------------------------------------------------


def test_a_refused_label_takes_all_that_nobody_approved_along_whoever_says_it() -> None:
    result = found(said("Dog", boxes=(LEFT, RIGHT)), said("Dog", 60, "rekognition"))
    truth = weigh(result, rejected("Dog"), approved("Dog", RIGHT))
    assert held(truth) == {("Dog", "onnx"): ("approved", 100, [(RIGHT, "approved")])}
    assert {(label.name, label.detector) for label in truth.rejected} == {("Dog", "onnx"), ("Dog", "rekognition")}


def test_an_approved_label_holds_even_when_its_boxes_are_wrong() -> None:
    truth = weigh(found(said("Dog", boxes=(LEFT,))), approved("Dog"), rejected("Dog", LEFT))
    assert held(truth) == {("Dog", "onnx"): ("approved", 100, [])}


def test_a_relabelled_label_takes_its_boxes_along() -> None:
    truth = weigh(found(said("Wolf", boxes=(LEFT,))), word(CORRECTED, "Dog", told="Wolf"))
    assert held(truth) == {("Dog", "people"): ("corrected", 100, [(LEFT, "corrected")])}


def test_a_relabelled_label_without_boxes_keeps_the_prediction() -> None:
    truth = weigh(found(said("Lake", 77)), word(CORRECTED, "Sea", told="Lake"))
    assert held(truth) == {("Sea", "people"): ("corrected", 100, [])}
    assert truth.labels[0].predicted is not None
    assert (truth.labels[0].predicted.name, truth.labels[0].predicted.confidence) == ("Lake", 77)


def test_of_two_words_on_one_label_the_later_counts() -> None:
    result = found(said("Beach"))
    assert held(weigh(result, approved("Beach", minutes=2), rejected("Beach", minutes=1)))
    assert not held(weigh(result, approved("Beach", minutes=1), rejected("Beach", minutes=2)))


# Recognised again -------------------------------------------------------------------------------------------------


def test_decisions_are_known_again_when_boxes_have_shifted() -> None:
    result = found(said("Dog", 70, boxes=(NEAR_LEFT,)), said("Cat", 80, boxes=(RIGHT,)), minutes=9)
    truth = weigh(result, approved("Dog", LEFT), rejected("Cat", Box(0.61, 0.2, 0.3, 0.4)))
    assert held(truth) == {("Dog", "onnx"): ("approved", 100, [(LEFT, "approved")])}


def test_a_detector_that_says_again_what_was_refused_disagrees() -> None:
    again = found(said("Dog", 80, boxes=(NEAR_LEFT,)), said("Sea", 70), minutes=9)
    truth = weigh(again, rejected("Dog", LEFT), rejected("Sea"))
    assert truth.disagreements == (
        Disagreement("rejected", "Dog", "onnx", 80, NEAR_LEFT),
        Disagreement("rejected", "Sea", "onnx", 70),
    )
    assert weigh(found(said("Dog", boxes=(LEFT,))), rejected("Dog", LEFT)).disagreements == (), (
        "decided on this very one"
    )
    assert weigh(again, rejected("Dog", LEFT, minutes=10), rejected("Sea", minutes=10)).disagreements == ()
    assert weigh(found(said("Sea", 20), minutes=9), rejected("Sea")).disagreements == (), "nobody would be shown it"


def test_a_detector_that_says_again_what_was_corrected_disagrees() -> None:
    again = found(said("Wolf", 80, boxes=(LEFT,)), minutes=9)
    truth = weigh(again, word(CORRECTED, "Dog", LEFT, told="Wolf"))
    assert truth.disagreements == (Disagreement("rejected", "Wolf", "onnx", 80, LEFT),)
    agrees = found(said("Dog", 80, boxes=(LEFT,)), minutes=9)
    assert weigh(agrees, word(CORRECTED, "Dog", LEFT, told="Wolf")).disagreements == ()


def test_what_no_detector_finds_any_more_holds_and_is_a_disagreement() -> None:
    truth = weigh(found(minutes=9), approved("Dog", LEFT), word(CORRECTED, "Sea", told="Lake", detector="rekognition"))
    assert held(truth) == {
        ("Dog", "onnx"): ("approved", 100, [(LEFT, "approved")]),
        ("Sea", "people"): ("corrected", 100, []),
    }
    assert {(each.kind, each.name) for each in truth.disagreements} == {("gone", "Dog"), ("gone", "Sea")}


@pytest.mark.parametrize(
    "runs", [(), (DetectorRun("onnx", "1", 5, failure=Failure("slow", "It took too long.", permanent=False)),)]
)
def test_a_detector_that_was_not_asked_or_failed_disagrees_with_nobody(runs: tuple[DetectorRun, ...]) -> None:
    truth = weigh(found(minutes=9, detectors=runs), approved("Dog", LEFT))
    assert titles(truth) == ["Dog"]
    assert truth.disagreements == ()


def test_rejections_of_what_is_not_said_any_more_say_nothing() -> None:
    truth = weigh(found(minutes=9), rejected("Dog", LEFT), rejected("Sea"))
    assert truth == Truth()


# Completed --------------------------------------------------------------------------------------------------------


def test_in_a_completed_image_only_what_people_said_holds() -> None:
    result = found(said("Dog", boxes=(LEFT, RIGHT)), said("Cat", 80), said("Mouse", 30), minutes=9)
    truth = weigh(result, approved("Dog", LEFT), completed=True)
    assert held(truth) == {("Dog", "onnx"): ("approved", 100, [(LEFT, "approved")])}
    assert {label.name for label in truth.rejected} == {"Dog", "Cat", "Mouse"}
    assert {(each.kind, each.name) for each in truth.disagreements} == {("new", "Dog"), ("new", "Cat")}
    assert truth.completed


def test_in_a_completed_image_another_detector_may_say_the_same_of_the_whole() -> None:
    truth = weigh(found(said("Dog", 60, "rekognition")), word(ADDED, "Dog", LEFT), completed=True)
    assert held(truth) == {
        ("Dog", "people"): ("added", 100, [(LEFT, "added")]),
        ("Dog", "rekognition"): ("approved", 100, []),
    }
    assert truth.rejected == truth.disagreements == ()


def test_in_a_completed_image_a_label_with_no_box_that_nobody_said_is_refused() -> None:
    assert weigh(found(said("Dog", 60)), completed=True).rejected[0].name == "Dog"


# The vocabulary ---------------------------------------------------------------------------------------------------


def vocabulary(*labels: Label, meanings: dict[tuple[str, str], str] | None = None) -> Vocabulary:
    return Vocabulary({label.name: label for label in labels}, meanings or {})


def test_merged_labels_are_one_for_predictions_and_people_alike() -> None:
    words = vocabulary(Label(name="Hound", merged_into=Label(name="Dog")))
    result = found(said("Hound", 60, boxes=(LEFT,)), said("Dog", 90, boxes=(RIGHT,)))
    assert held(weigh(result, words=words)) == {
        ("Dog", "onnx"): ("predicted", 90, [(RIGHT, "predicted"), (LEFT, "predicted")])
    }
    truth = weigh(result, approved("Hound", LEFT), rejected("Dog", RIGHT), words=words)
    assert held(truth) == {("Dog", "onnx"): ("approved", 100, [(LEFT, "approved")])}


def test_merging_goes_to_the_end_and_a_ring_ends_somewhere() -> None:
    b, c = Label(name="B"), Label(name="C", display_name="See")
    chain = vocabulary(Label(name="A", merged_into=b), Label(name="B", merged_into=c), c)
    assert titles(weigh(found(said("A")), words=chain)) == ["See"]
    ring = vocabulary(Label(name="A", merged_into=b), Label(name="B", merged_into=Label(name="A")))
    assert len(titles(weigh(found(said("A")), words=ring))) == 1


def test_a_word_means_what_the_vocabulary_says_of_that_detector() -> None:
    words = vocabulary(meanings={("onnx", "Mouse"): "Computer mouse"})
    result = found(said("Mouse", 80), said("Mouse", 70, "rekognition"))
    assert set(held(weigh(result, words=words))) == {("Computer mouse", "onnx"), ("Mouse", "rekognition")}


def test_a_decision_stays_when_the_meaning_of_the_detectors_word_changes() -> None:
    words = vocabulary(meanings={("onnx", "Mouse"): "Computer mouse"})
    truth = weigh(found(said("Mouse", boxes=(LEFT,))), approved("Mouse", LEFT), words=words)
    assert {(label.name, label.state.value) for label in truth.labels} == {("Mouse", "approved")}


def test_a_renamed_label_has_its_title_everywhere() -> None:
    words = vocabulary(Label(name="Canis", display_name="Dog"))
    truth = weigh(found(said("Canis", boxes=(LEFT,))), approved("Canis", LEFT), words=words)
    assert titles(truth) == ["Dog"]
    prediction = truth.labels[0].instances[0].predicted
    assert prediction is not None
    assert prediction.name == "Canis", "what detectors say stays as they say it"


def test_titles_that_differ_in_case_are_one_label() -> None:
    assert len(weigh(found(said("dog", 60), said("Dog", 90))).labels) == 1


def test_a_blocked_label_is_nowhere_whoever_says_it() -> None:
    words = vocabulary(Label(name="Dog", blocked=True))
    result = found(said("Dog", boxes=(LEFT,)), minutes=9)
    for decided in ([], [approved("Dog", LEFT)], [rejected("Dog", LEFT)], [word(ADDED, "Dog")]):
        assert weigh(result, *decided, words=words) == Truth()


def test_what_was_corrected_to_a_blocked_label_is_still_not_what_was_predicted() -> None:
    words = vocabulary(Label(name="Cur", blocked=True))
    truth = weigh(found(said("Dog", boxes=(LEFT,))), word(CORRECTED, "Cur", LEFT, told="Dog"), words=words)
    assert held(truth) == {}


def test_predictions_below_the_labels_own_threshold_are_left_out_and_peoples_words_are_not() -> None:
    words = vocabulary(Label(name="Dog", shown_from=80))
    assert weigh(found(said("Dog", 79, boxes=(LEFT,))), words=words) == Truth()
    assert titles(weigh(found(said("Dog", 80)), words=words)) == ["Dog"]
    assert titles(weigh(found(said("Dog", 40, boxes=(LEFT,))), approved("Dog", LEFT), words=words)) == ["Dog"]
    sure, unsure = said("Dog", 90, boxes=(LEFT,)).instances[0], said("Dog", 60, boxes=(RIGHT,)).instances[0]
    truth = weigh(found(FoundLabel("Dog", 90, "onnx", instances=(sure, unsure))), words=words)
    assert held(truth) == {("Dog", "onnx"): ("predicted", 90, [(LEFT, "predicted")])}


def test_the_vocabulary_says_of_what_kind_a_label_is() -> None:
    pet = Label(name="Pet", display_name="House pet", parent=Label(name="Animal"))
    words = vocabulary(pet, Label(name="Dog", parent=pet, category="Friends", aliases=["Fido"]))
    truth = weigh(found(said("Dog", parents=("Mammal",), aliases=("Hound",), categories=("Animals",))), words=words)
    dog = truth.labels[0]
    assert (dog.parents, dog.aliases, dog.categories) == (("House pet", "Animal"), ("Fido",), ("Friends",))


def test_parents_that_detectors_name_have_their_titles_and_blocked_ones_are_left_out() -> None:
    words = vocabulary(Label(name="Pet", display_name="House pet"), Label(name="Animal", blocked=True))
    truth = weigh(found(said("Dog", parents=("Animal", "Pet"))), words=words)
    assert truth.labels[0].parents == ("House pet",)


# Matching ---------------------------------------------------------------------------------------------------------


def test_the_best_pairs_are_assigned_first_and_each_once() -> None:
    assert assign([NEAR_LEFT, LEFT], [(LEFT,)]) == {1: 0}
    assert assign([LEFT], [(NEAR_LEFT,), (LEFT,)]) == {0: 1}
    assert assign([LEFT, RIGHT], [(RIGHT,), (NEAR_LEFT,)]) == {0: 1, 1: 0}
    assert assign([LEFT], [(RIGHT, NEAR_LEFT)]) == {0: 0}, "known by any of its boxes"
    assert assign([LEFT], [(), (RIGHT,)]) == {}
    assert assign([], []) == {}


def test_intersection_over_union() -> None:
    assert iou(LEFT, LEFT) == pytest.approx(1)
    assert iou(LEFT, RIGHT) == 0
    assert iou(Box(0, 0, 0.5, 0.5), Box(0.25, 0, 0.5, 0.5)) == pytest.approx(1 / 3)
