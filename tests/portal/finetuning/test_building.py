"""What gets into a dataset, what stays out, and that it stays what it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal.accounts.models import User
from portal.finetuning import building
from portal.finetuning.building import advance
from portal.finetuning.coco import coco_stream
from portal.finetuning.making import begin
from portal.finetuning.models import SILENCE, DatasetImage, DatasetSnapshot, SnapshotState
from portal.finetuning.splitting import Split
from portal.finetuning.tasks import build_dataset, on_swept
from portal.images.models import FlagVerdict, Image, Instance, Label, LabelState
from portal.moderation.actions.adding import add
from portal.moderation.actions.approving import approve
from portal.moderation.actions.redrawing import redraw
from portal.moderation.deeds import Deed, Target
from portal.moderation.models import Annotation
from recognition.result import Box
from recognition.result import Instance as RecognizedInstance
from recognition.result import Label as RecognizedLabel
from tests.portal.finetuning.conftest import (
    SEVERAL,
    MakeAnnotated,
    annotate,
    build,
    complete,
    hash_number,
    make_snapshot,
)

pytestmark = pytest.mark.django_db

DOG = ("Dog", 0.1, 0.2, 0.3, 0.4)
CAT = ("Cat", 0.5, 0.5, 0.2, 0.2)


@pytest.fixture
def moderator(owner: User) -> User:
    owner.is_superuser = True
    owner.save()
    return owner


def images_of(snapshot: DatasetSnapshot) -> set[Any]:
    return set(snapshot.images.values_list("image", flat=True))


def text_of(snapshot: DatasetSnapshot) -> str:
    return "".join(piece for split in Split for piece in coco_stream(snapshot, split))


def test_what_people_approved_corrected_and_added_is_in_it(annotated: MakeAnnotated) -> None:
    states = (LabelState.APPROVED, LabelState.CORRECTED, LabelState.ADDED)
    taken = {annotated(state=state).pk for state in states}
    annotated(state=LabelState.REJECTED)
    snapshot = make_snapshot()
    assert snapshot.state == SnapshotState.READY
    assert images_of(snapshot) == taken
    said = {each["state"] for row in snapshot.images.all() for each in row.annotations}
    assert said == {"approved", "corrected", "added"}


def test_what_moderators_do_in_the_queue_is_what_it_holds(recognized_image: Any, moderator: User) -> None:
    """An approved prediction, a moved box, an added one; what a detector says that nobody looked at is not there."""
    cat = RecognizedLabel("Cat", 60.0, "onnx", instances=(RecognizedInstance(60.0, Box(0.5, 0.5, 0.1, 0.1)),))
    dog = RecognizedLabel("Dog", 97.0, "onnx", instances=(RecognizedInstance(97.0, Box(0.1, 0.2, 0.3, 0.4)),))
    image = recognized_image(moderator, labels=(dog, cat))
    instances = {
        each.detected_label.label.name: each for each in Instance.objects.select_related("detected_label__label")
    }

    def deed() -> Deed:
        return Deed(uuid4(), moderator, image.pk)

    approve(deed(), Target("instance", str(instances["Dog"].pk)))
    assert {each["label"] for row in make_snapshot().images.all() for each in row.annotations} == {"Dog"}
    redraw(deed(), Target("instance", str(instances["Cat"].pk)), Box(0.5, 0.5, 0.2, 0.2))
    add(deed(), "Bird", Box(0.0, 0.0, 0.25, 0.25))
    (row,) = make_snapshot().images.all()
    assert {(each["label"], each["state"], each["box"]["width"]) for each in row.annotations} == {
        ("Dog", "approved", 0.3),
        ("Cat", "corrected", 0.2),
        ("Bird", "added", 0.25),
    }
    assert not row.is_complete


def test_only_complete_images_are_negatives(annotated: MakeAnnotated) -> None:
    dog = annotated()
    complete_without = annotated([], completed=True)
    annotated([])
    rejected = annotated(state=LabelState.REJECTED, completed=True)
    snapshot = make_snapshot()
    assert images_of(snapshot) == {dog.pk, complete_without.pk, rejected.pk}
    assert set(snapshot.images.filter(is_negative=True).values_list("image", flat=True)) == {
        complete_without.pk,
        rejected.pk,
    }
    assert snapshot.card["counts"]["negatives"] == 2


def test_a_complete_image_with_another_label_is_a_negative_and_an_incomplete_one_is_not(
    annotated: MakeAnnotated,
) -> None:
    dog, cat = annotated(), annotated([CAT], completed=True)
    annotated([CAT])
    snapshot = make_snapshot(labels=["Dog"])
    assert images_of(snapshot) == {dog.pk, cat.pk}
    assert snapshot.images.get(image=cat).annotations == []


def test_an_image_that_has_the_label_somewhere_without_a_box_is_no_negative(annotated: MakeAnnotated) -> None:
    annotated()
    somewhere = annotated([("Dog",)], completed=True)
    snapshot = make_snapshot()
    assert somewhere.pk not in images_of(snapshot)
    assert any("1 images were not used" in warning for warning in snapshot.card["warnings"])


def test_images_that_are_not_complete_are_taken_and_warned_of(annotated: MakeAnnotated) -> None:
    annotated()
    annotated(completed=True)
    snapshot = make_snapshot()
    assert snapshot.card["counts"]["incomplete_images"] == 1
    assert any(warning.startswith("1 images with boxes are not complete") for warning in snapshot.card["warnings"])


@pytest.mark.parametrize("verdict", [FlagVerdict.HIDDEN, FlagVerdict.REMOVED])
def test_hidden_and_removed_images_stay_out(annotated: MakeAnnotated, verdict: str) -> None:
    shown = annotated()
    annotated(verdict=verdict)
    snapshot = make_snapshot()
    assert images_of(snapshot) == {shown.pk}
    assert snapshot.card["classes"][0]["boxes"] == 1


def test_where_moderators_see_only_shared_images_datasets_hold_no_others(
    annotated: MakeAnnotated, settings: Any, stranger: User
) -> None:
    settings.MODERATION_SEES = "shared"
    annotated()
    shared = annotated(shared=True)
    theirs = annotated(owner=stranger)
    assert images_of(make_snapshot(stranger)) == {shared.pk, theirs.pk}


def test_labels_below_the_minimum_are_left_out_with_a_warning(annotated: MakeAnnotated) -> None:
    annotated([DOG, CAT])
    annotated([DOG])
    snapshot = make_snapshot(minimum=2)
    assert snapshot.categories == [{"id": 1, "name": "Dog"}]
    assert "“Cat” was left out: it has 1 of the 2 boxes asked for." in snapshot.card["warnings"]
    assert "Cat" not in text_of(snapshot)


def test_without_a_label_that_has_enough_boxes_it_fails_and_says_why(annotated: MakeAnnotated) -> None:
    annotated([DOG, CAT])
    snapshot = make_snapshot(minimum=3)
    assert snapshot.state == SnapshotState.FAILED
    assert snapshot.error == "None of the labels has 3 boxes: “Cat” has the most, 1."


def test_without_any_box_it_fails_and_says_why(annotated: MakeAnnotated) -> None:
    annotated([])
    assert "Nobody has approved" in make_snapshot().error


def test_merged_and_renamed_labels_count_as_what_they_are_now(annotated: MakeAnnotated) -> None:
    annotated([("Puppy", 0.1, 0.1, 0.2, 0.2)])
    annotated([DOG])
    dog = Label.objects.get(name="Dog")
    dog.display_name = "Hound"
    dog.save()
    Label.objects.filter(name="Puppy").update(merged_into=dog)
    snapshot = make_snapshot()
    assert snapshot.categories == [{"id": 1, "name": "Hound"}]
    assert snapshot.card["counts"]["boxes"] == 2


def test_titles_that_differ_in_nothing_but_case_are_one_category(annotated: MakeAnnotated) -> None:
    annotated([DOG])
    annotated([DOG])
    annotated([("dog", 0.1, 0.1, 0.2, 0.2)])
    snapshot = make_snapshot(labels=["DOG"])
    assert snapshot.categories == [{"id": 1, "name": "Dog"}]
    assert snapshot.card["classes"][0]["boxes"] == 3


def test_the_same_file_of_two_people_is_in_it_once_as_the_one_that_more_was_said_of(
    annotated: MakeAnnotated, stranger: User
) -> None:
    annotated([DOG], content=b"same")
    better = annotated([DOG, CAT], content=b"same", owner=stranger)
    snapshot = make_snapshot()
    assert images_of(snapshot) == {better.pk}
    assert snapshot.card["counts"]["identical_left_out"] == 1


def test_what_is_said_later_does_not_change_it(annotated: MakeAnnotated) -> None:
    image = annotated()
    snapshot = make_snapshot()
    before = text_of(snapshot)
    Annotation.objects.update(left=0.9, state=LabelState.REJECTED)
    Label.objects.update(display_name="Wolf")
    annotate(image, [CAT])
    annotated()
    assert text_of(build(snapshot.pk)) == before
    assert make_snapshot().version == 2


def test_a_second_version_of_the_same_content_is_divided_the_same(annotated: MakeAnnotated) -> None:
    for _ in range(SEVERAL):
        annotated()
    first, second = make_snapshot(), make_snapshot(name="others")
    splits = [dict(snapshot.images.values_list("sha256", "split")) for snapshot in (first, second)]
    assert splits[0] == splits[1]
    assert len(set(splits[0].values())) == 3
    assert dict(make_snapshot(salt="another").images.values_list("sha256", "split")) != splits[0]


def test_near_duplicates_never_straddle_the_split(annotated: MakeAnnotated) -> None:
    for number in range(SEVERAL):
        bits = int(hash_number(number), 16)
        for copy in range(3):
            annotated(perceptual_hash=f"{bits ^ (0xFF << 8 * copy):064x}")
    snapshot = make_snapshot(validation_percent=30, test_percent=30)
    groups = dict[str, set[str]]()
    members = dict[str, int]()
    for key, split in snapshot.images.values_list("group_key", "split"):
        groups.setdefault(key, set()).add(split)
        members[key] = members.get(key, 0) + 1
    assert set(members.values()) == {3}
    assert all(len(splits) == 1 for splits in groups.values())
    assert {split for splits in groups.values() for split in splits} == {"train", "validation", "test"}
    assert snapshot.card["counts"]["near_duplicates"] == 2 * SEVERAL


class Killed(BaseException):
    """What nobody catches."""


def test_a_build_that_is_killed_half_way_is_gone_on_with(
    annotated: MakeAnnotated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "IMAGES_AT_ONCE", 3)
    taken = {annotated().pk for _ in range(10)}
    snapshot = begin(DatasetSnapshot(name="shapes"), None)
    rows_of, calls = building.rows_of, 0

    def dying(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Killed
        return rows_of(*args)

    monkeypatch.setattr(building, "rows_of", dying)
    with pytest.raises(Killed):
        advance(snapshot.pk, 60)
    assert snapshot.images.count() == 6

    assert not advance(snapshot.pk, 60), "it is still held by whoever was killed"
    assert snapshot.images.count() == 6
    DatasetSnapshot.objects.update(beat_at=timezone.now() - SILENCE * 2)
    assert images_of(build(snapshot.pk)) == taken
    assert calls == 5


def test_it_is_built_in_slices_of_time_as_well(annotated: MakeAnnotated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "IMAGES_AT_ONCE", 2)
    taken = {annotated().pk for _ in range(9)}
    snapshot = begin(DatasetSnapshot(name="shapes"), None)
    slices = 1
    seen = []
    while not advance(snapshot.pk, 0):
        slices += 1
        snapshot.refresh_from_db()
        seen.append(snapshot.percent_done)
    assert slices >= 5
    assert seen == sorted(seen)
    assert seen[0] < seen[-1] < 100
    snapshot.refresh_from_db()
    assert snapshot.percent_done == 100
    assert images_of(snapshot) == taken


def test_who_was_taken_for_dead_changes_nothing_any_more(
    annotated: MakeAnnotated, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotated()
    snapshot = begin(DatasetSnapshot(name="shapes"), None)
    collect = building._Build._collect

    def overtaken(build: building._Build) -> bool:
        monkeypatch.setattr(building._Build, "_collect", collect)
        DatasetSnapshot.objects.update(beat_at=timezone.now() - SILENCE * 2)
        assert advance(snapshot.pk, 60)
        return collect(build)

    monkeypatch.setattr(building._Build, "_collect", overtaken)
    assert not advance(snapshot.pk, 60)
    snapshot.refresh_from_db()
    assert snapshot.state == SnapshotState.READY
    assert (snapshot.images.count(), snapshot.images_done) == (1, 1)


def test_a_worker_builds_it_and_the_sweep_asks_again_for_one_that_was_abandoned(annotated: MakeAnnotated) -> None:
    annotated()
    snapshot = begin(DatasetSnapshot(name="shapes"), None)
    on_swept()
    assert not DBTaskResult.objects.exists()
    DatasetSnapshot.objects.update(claim=snapshot.pk, beat_at=timezone.now() - SILENCE * 2)
    on_swept()
    on_swept()
    (asked,) = DBTaskResult.objects.all()
    build_dataset.func(*asked.args_kwargs["args"])
    snapshot.refresh_from_db()
    assert snapshot.is_ready


def test_on_aws_sweeps_build_it(annotated: MakeAnnotated, settings: Any) -> None:
    annotated(perceptual_hash="")
    settings.RECOGNIZED_BY = "lambda"
    snapshot = begin(DatasetSnapshot(name="shapes"), None)
    on_swept()
    snapshot.refresh_from_db()
    assert snapshot.is_ready
    assert any("no perceptual hash" in warning for warning in snapshot.card["warnings"])


def test_a_large_build_takes_a_bounded_number_of_queries(
    annotated: MakeAnnotated, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for _ in range(3 * SEVERAL):
        annotated()
    with django_assert_max_num_queries(60):
        make_snapshot()


def test_split_percentages_add_up(annotated: MakeAnnotated) -> None:
    for _ in range(SEVERAL):
        annotated()
    card = make_snapshot(validation_percent=0, test_percent=0).card
    assert [each["images"] for each in card["splits"]] == [SEVERAL, 0, 0]
    assert card["split_percent"] == {"train": 100, "validation": 0, "test": 0}


def test_completing_counts_only_while_it_lasts(annotated: MakeAnnotated) -> None:
    annotated()
    opened_again = annotated([], completed=True)
    Image.objects.get(pk=opened_again.pk).review.delete()
    assert opened_again.pk not in images_of(make_snapshot())
    complete(opened_again)
    assert opened_again.pk in images_of(make_snapshot())
    assert DatasetImage.objects.count() == 3
    assert django_settings.MODERATION_SEES == "all"
