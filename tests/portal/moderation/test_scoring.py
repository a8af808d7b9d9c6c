"""What makes an image worth a look, in numbers."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from portal.accounts.models import User
from portal.images.models import CurrentLabel, LabelState
from portal.images.signals import swept
from portal.moderation import scoring
from portal.moderation.freshening import freshen
from portal.moderation.models import ReviewItem
from portal.moderation.scoring import Rating, commonness, disagreement, rarity, rate, sample_order, uncertainty
from portal.moderation.truth import Disagreement, Prediction, TrueInstance, TrueLabel, Truth
from recognition.result import Box
from tests.portal.bare_images import bare_images

HERE, BESIDE, THERE = Box(0.1, 0.1, 0.4, 0.4), Box(0.12, 0.1, 0.4, 0.4), Box(0.6, 0.6, 0.3, 0.3)


def boxed(confidence: float, box: Box = HERE, state: LabelState = LabelState.PREDICTED) -> TrueInstance:
    return TrueInstance(box, confidence, state, Prediction("Dog", "onnx", confidence, box))


def label(confidence: float, *boxes: TrueInstance, name: str = "Dog", by: str = "onnx", **others: Any) -> TrueLabel:
    return TrueLabel(name, by, confidence, **{"state": LabelState.PREDICTED, "instances": boxes, **others})


# Uncertainty ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("confidence", "doubt"), [(50, 100), (25, 50), (75, 50), (100, 0), (0, 0), (90, 20)])
def test_half_sure_is_as_uncertain_as_can_be(confidence: float, doubt: float) -> None:
    assert uncertainty([label(confidence)] * 3) == pytest.approx(doubt)


def test_the_three_greatest_doubts_count_and_those_that_are_missing_are_none() -> None:
    assert uncertainty([label(50)]) == pytest.approx(100 / 3)
    assert uncertainty([label(50), label(75), label(90), label(100)]) == pytest.approx((100 + 50 + 20) / 3)
    assert uncertainty([]) == 0


def test_boxes_count_one_by_one_and_then_their_label_does_not() -> None:
    assert uncertainty([label(90, boxed(50), boxed(60))]) == pytest.approx((100 + 80) / 3)


def test_what_people_decided_is_in_no_doubt() -> None:
    decided = label(50, boxed(50, state=LabelState.APPROVED), state=LabelState.APPROVED)
    assert uncertainty([decided, label(50, state=LabelState.CORRECTED)]) == 0
    half = label(50, boxed(50, state=LabelState.APPROVED), boxed(50, THERE), state=LabelState.APPROVED)
    assert uncertainty([half]) == pytest.approx(100 / 3)


# Disagreement --------------------------------------------------------------------------------------------------------


def test_two_detectors_disagree_by_the_difference_of_their_confidences() -> None:
    assert disagreement([label(90), label(35, by="rekognition")]) == 55
    assert disagreement([label(90), label(35, by="rekognition", name="Cat")]) == 0
    assert disagreement([label(90), label(35)]) == 0


def test_a_box_that_the_other_detector_does_not_have_counts_with_its_confidence() -> None:
    one = label(90, boxed(90), boxed(70, THERE))
    assert disagreement([one, label(85, boxed(85, BESIDE), by="rekognition")]) == 70
    assert disagreement([one, label(85, by="rekognition")]) == 5


def test_two_words_for_one_place_disagree_unless_one_is_a_kind_of_the_other() -> None:
    dog, cat = label(90, boxed(90)), label(60, boxed(60, BESIDE), name="Cat", by="rekognition")
    pet = label(60, boxed(60, BESIDE), name="Pet", by="rekognition")
    assert disagreement([dog, cat]) == 60
    assert disagreement([label(90, boxed(90), parents=("Pet",)), pet]) == 0
    assert disagreement([dog, label(60, boxed(60, THERE), name="Cat", by="rekognition")]) == 0


def test_contradicting_people_counts_and_what_they_decided_between_detectors_does_not() -> None:
    again = Disagreement("rejected", "Dog", "onnx", 80)
    assert disagreement([], [again]) == 80
    assert disagreement([], [again, Disagreement("gone", "Cat", "onnx", 10)]) == 100
    assert disagreement([label(90, state=LabelState.APPROVED), label(35, by="rekognition")]) == 0


# Rarity and the whole ------------------------------------------------------------------------------------------------


def test_the_first_of_its_kind_is_rare_and_from_two_hundred_on_nothing_is() -> None:
    assert [rarity(1), rarity(0), rarity(200), rarity(10**6)] == [100, 100, 0, 0]
    assert rarity(14) == pytest.approx(50, abs=1)


def test_the_rarest_label_that_is_shown_and_undecided_makes_an_image_rare() -> None:
    common = {"dog": 200, "axolotl": 1, "cat": 14}
    unsure = label(30, name="Axolotl")
    assert rate(Truth((label(90), unsure)), common).rarity == 0
    assert rate(Truth((label(90), label(60, name="Axolotl"))), common).rarity == 100
    assert rate(Truth((label(90), label(60, name="Axolotl", state=LabelState.APPROVED))), common).rarity == 0


def test_all_numbers_stay_between_0_and_100_and_a_suggestion_raises_the_score() -> None:
    everything = Rating(100, 100, 100)
    assert everything.score == pytest.approx(100)
    assert Rating().score == 0
    assert Rating(suggested=True).score == 50
    assert Rating(60, suggested=True).score > Rating(60).score
    assert Rating(50).score > Rating(disagreement=50).score > Rating(rarity=50).score


def test_the_place_in_the_sample_depends_on_the_id_alone_and_is_evenly_spread() -> None:
    known = UUID("12345678-1234-5678-1234-567812345678")
    assert sample_order(known) == sample_order(UUID(str(known)))
    places = [sample_order(uuid4()) for _ in range(2_000)]
    assert all(0 <= place < 1 for place in places)
    for tenth in range(10):
        assert 130 < sum(tenth <= place * 10 < tenth + 1 for place in places) < 270


# How common labels are -----------------------------------------------------------------------------------------------


def listed(owner: User, count: int, name: str, **others: Any) -> None:
    CurrentLabel.objects.bulk_create(
        CurrentLabel(
            image=image,
            owner=owner,
            created_at=image.created_at,
            name=name,
            detector="onnx",
            confidence=90,
            surest_of_name=True,
            surest_of_detector=True,
            **others,
        )
        for image in bare_images(owner, count)
    )


def test_labels_are_counted_in_one_statement_up_to_a_bound(
    owner: User, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "COUNTED_AT_MOST", 5)
    listed(owner, 9, "dog")
    listed(owner, 3, "cat's 100% %s")
    with django_assert_num_queries(1):
        assert commonness(["dog", "dog", "cat's 100% %s", "eel"]) == {"dog": 5, "cat's 100% %s": 3, "eel": 0}
    with django_assert_num_queries(0):
        assert commonness([]) == {}
    with django_assert_num_queries(2):
        assert len(commonness(f"label {number}" for number in range(500))) == 500


def test_what_has_become_common_is_rare_no_more(owner: User) -> None:
    listed(owner, 20, "dog")
    listed(owner, 1, "axolotl")
    labels = CurrentLabel.objects.select_related("image")
    ReviewItem.objects.bulk_create(
        ReviewItem(image=each.image, owner=owner, created_at=each.created_at, rarity=100, score=20) for each in labels
    )

    swept.send(None)
    assert freshen() == 0
    dogs = ReviewItem.objects.filter(image__current_labels__name="dog")
    assert {round(item.rarity, 6) for item in dogs} == {round(rarity(20), 6)}
    assert {round(item.score, 6) for item in dogs} == {round(rarity(20) / 5, 6)}
    assert ReviewItem.objects.get(image__current_labels__name="axolotl").rarity == 100
