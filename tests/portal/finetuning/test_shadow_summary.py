"""What came of a shadow: agreement, times, and precision where moderators decided."""

from __future__ import annotations

from typing import Any

import pytest

from portal.accounts.models import User
from portal.finetuning.comparing_labels import Counts
from portal.finetuning.model_words import as_documents
from portal.finetuning.models import DatasetSnapshot, ShadowRun
from portal.finetuning.shadow_summary import CANDIDATE, RUNNING, summary
from portal.images.models import Image, LabelState
from portal.images.models import Label as Word
from recognition.result import DetectorRun, Label
from tests.conftest import MakeImage
from tests.portal.finetuning.candidates import label, ran
from tests.portal.finetuning.conftest import MakeAnnotated, annotate, complete, make_snapshot
from tests.portal.finetuning.versions import ready_version

pytestmark = pytest.mark.django_db

HERE, FAR = (0.1, 0.1, 0.2, 0.2), (0.7, 0.7, 0.2, 0.2)


@pytest.fixture
def dataset(annotated: MakeAnnotated) -> DatasetSnapshot:
    annotated([("Star", *HERE), ("Heart", *HERE)])
    return make_snapshot()


@pytest.fixture
def run(dataset: DatasetSnapshot, owner: User) -> ShadowRun:
    return ShadowRun.objects.create(version=ready_version(dataset), author=owner, author_name="owner")


def see(run: ShadowRun, image: Image, *labels: Label, **values: Any) -> None:
    run.seen.create(image=image, recognition=image.current, labels=as_documents(labels), **values)


def test_a_shadow_that_saw_nothing_has_nothing_to_tell(run: ShadowRun) -> None:
    found = summary(run)
    assert (found.images, found.agreement, found.latency, found.precision) == (0, [], {}, [])


def test_agreement_counts_boxes_of_each_label(run: ShadowRun, owner: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner, labels=(label("Star", HERE, FAR), label("Heart", HERE)), detectors=ran("v1"))
    see(run, image, label("Star", HERE), label("Cross", FAR), label("Heart", HERE, sure=30))
    found = summary(run)
    assert {each.label: each.counts for each in found.agreement} == {
        "Star": Counts(stays=1, vanishes=1),
        "Cross": Counts(appears=1),
        "Heart": Counts(vanishes=1),
    }
    assert found.agreement[0].label == "Star"
    assert found.agreement[0].share == 0.5
    assert (found.images, found.own_ran, found.problems) == (1, 1, 0)


def test_beside_a_model_of_our_own_other_detectors_do_not_count(
    run: ShadowRun, owner: User, recognized_image: MakeImage
) -> None:
    both = (label("Star", HERE), label("Star", FAR, detector="onnx"))
    image = recognized_image(owner, labels=both, detectors=ran("v1"))
    see(run, image, label("Star", HERE))
    assert {each.label: each.counts for each in summary(run).agreement} == {"Star": Counts(stays=1)}


def test_without_one_all_detectors_count_as_far_as_the_candidate_knows_their_labels(
    run: ShadowRun, owner: User, recognized_image: MakeImage
) -> None:
    said = (label("Star", HERE, detector="onnx"), label("Dog", HERE, detector="onnx"))
    image = recognized_image(owner, labels=said, detectors=(DetectorRun("onnx", "1", 12, fingerprint="f" * 16),))
    see(run, image)
    found = summary(run)
    assert {each.label: each.counts for each in found.agreement} == {"Star": Counts(vanishes=1)}
    assert found.own_ran == 0


def test_labels_are_compared_as_the_vocabulary_has_them(
    run: ShadowRun, owner: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner, labels=(label("Asterisk", HERE),), detectors=ran("v1"))
    star, _ = Word.objects.get_or_create(name="Star")
    Word.objects.filter(name="Asterisk").update(merged_into=star)
    Word.objects.create(name="Secret", blocked=True)
    see(run, image, label("Star", HERE), label("Secret", FAR))
    assert {each.label: each.counts for each in summary(run).agreement} == {"Star": Counts(stays=1)}


def test_times_are_told_by_their_median_and_what_95_of_100_keep(
    run: ShadowRun, owner: User, recognized_image: MakeImage
) -> None:
    for number in range(1, 21):
        image = recognized_image(owner, labels=(), detectors=ran("v1"))
        see(run, image, duration_ms=number, running_duration_ms=10 * number if number <= 10 else None)
    see(run, recognized_image(owner), problem="It failed.")
    found = summary(run)
    assert (found.images, found.problems) == (21, 1)
    candidate, running = found.latency[CANDIDATE], found.latency[RUNNING]
    assert (candidate.median, candidate.slow, candidate.images) == (10.5, 19, 20)
    assert (running.median, running.slow, running.images) == (55, 100, 10)


def test_precision_is_of_what_moderators_completed(run: ShadowRun, owner: User, recognized_image: MakeImage) -> None:
    for number in range(4):
        image = recognized_image(owner, labels=(label("Star", HERE),), detectors=ran("v1"))
        see(run, image, label("Star", HERE), label("Heart", FAR))
        annotate(image, [("Heart", *FAR)], LabelState.ADDED)
        if number < 3:
            complete(image)
    found = summary(run)
    assert found.completed == 3
    rows = {(each.detector, each.label): (each.right, each.of) for each in found.precision_of_labels}
    assert rows == {(RUNNING, "Star"): (0, 3), (CANDIDATE, "Star"): (0, 3), (CANDIDATE, "Heart"): (3, 3)}
    together = {each.detector: (each.right, each.of) for each in found.precision}
    assert together == {RUNNING: (0, 3), CANDIDATE: (3, 6)}
    (candidate,) = (each for each in found.precision if each.detector == CANDIDATE)
    # Six findings, but three images.
    assert candidate.interval.low < 0.1
    assert candidate.interval.high > 0.9
