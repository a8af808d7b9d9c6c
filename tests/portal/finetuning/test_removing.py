"""Whoever deletes their image or their account leaves no dataset with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.storage import storages

from portal.accounts.leaving import delete_account
from portal.accounts.models import User
from portal.finetuning.coco import coco_stream
from portal.finetuning.models import DatasetSnapshot
from portal.finetuning.splitting import Split
from portal.finetuning.storing import fresh, store_lists, stored_list
from portal.images.deletion import delete_images
from portal.images.erasing import erase_due
from portal.images.models import FlagVerdict, Image, StorageDeletion
from portal.moderation.actions.flag_deciding import decide_flag
from portal.moderation.deeds import Deed
from tests.portal.finetuning.conftest import MakeAnnotated, jpeg, make_snapshot
from training.shapes import draw

pytestmark = pytest.mark.django_db

EVERYTHING_TRAINS = {"validation_percent": 0, "test_percent": 0}


def listed(snapshot: DatasetSnapshot) -> int:
    return len(json.loads("".join(coco_stream(snapshot, Split.TRAIN)))["images"])


def test_a_deleted_image_leaves_the_snapshots_that_hold_it_and_they_say_so(annotated: MakeAnnotated) -> None:
    image = annotated()
    held = make_snapshot(**EVERYTHING_TRAINS)
    other_image = annotated([("Cat", 0.1, 0.1, 0.1, 0.1)])
    other = make_snapshot(labels=["Cat"], name="cats", **EVERYTHING_TRAINS)
    both = make_snapshot(**EVERYTHING_TRAINS)
    delete_images(Image.objects.filter(pk=image.pk))
    for snapshot in (held, other, both):
        fresh(snapshot)
    assert [snapshot.images_removed for snapshot in (held, other, both)] == [1, 0, 1]
    assert [bool(snapshot.changed_at) for snapshot in (held, other, both)] == [True, False, True]
    assert [listed(snapshot) for snapshot in (held, other, both)] == [0, 1, 1]
    assert both.card["counts"]["images"] == 1
    assert both.card["images_removed"] == 1
    assert Image.objects.get() == other_image


def test_what_was_stored_of_it_is_erased_and_new_lists_come_with_the_next_export(annotated: MakeAnnotated) -> None:
    gone, stays = (annotated(content=jpeg(draw(seed, 64, 64)[0]), width=64, height=64) for seed in (1, 2))
    snapshot = make_snapshot(with_images=True, **EVERYTHING_TRAINS)
    stored = storages["derived"]
    before = stored_list(snapshot, Split.TRAIN)
    pictures = {image.sha256: f"{snapshot.folder}/images/{image.sha256}.jpg" for image in (gone, stays)}
    assert gone.sha256 in stored.open(before).read().decode()

    delete_images(Image.objects.filter(pk=gone.pk))
    fresh(snapshot)
    store_lists(snapshot)
    erase_due()
    assert not stored.exists(before)
    assert [stored.exists(pictures[image.sha256]) for image in (gone, stays)] == [False, True]
    after = stored.open(stored_list(snapshot, Split.TRAIN)).read().decode()
    assert gone.sha256 not in after
    assert stays.sha256 in after
    assert not StorageDeletion.objects.exists()


def test_an_account_s_receipt_waits_for_what_datasets_stored(annotated: MakeAnnotated, stranger: User) -> None:
    annotated(owner=stranger)
    annotated()
    snapshot = make_snapshot(**EVERYTHING_TRAINS)
    receipt = delete_account(stranger)
    owed = set(StorageDeletion.objects.filter(receipt=receipt).values_list("path", flat=True))
    assert snapshot.lists_folder in owed
    fresh(snapshot)
    assert (snapshot.images_removed, listed(snapshot)) == (1, 1)


def test_a_photo_that_a_moderator_removes_leaves_them_too(annotated: MakeAnnotated, owner: User) -> None:
    owner.is_superuser = True
    owner.save()
    removed, hidden = annotated(), annotated()
    snapshot = make_snapshot(**EVERYTHING_TRAINS)
    decide_flag(Deed(uuid4(), owner, hidden.pk), FlagVerdict.HIDDEN)
    decide_flag(Deed(uuid4(), owner, removed.pk), FlagVerdict.REMOVED)
    fresh(snapshot)
    assert (snapshot.images_removed, listed(snapshot)) == (1, 1)
    assert StorageDeletion.objects.filter(path=f"{snapshot.folder}/images/{removed.sha256}.jpg").exists()


def test_a_deletion_during_the_writing_is_not_lost(annotated: MakeAnnotated, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, stays = annotated(), annotated()
    snapshot = make_snapshot(**EVERYTHING_TRAINS)
    storages["derived"].delete(f"{snapshot.lists_folder}/card.json")
    before = snapshot.lists_folder

    def report(_images: int) -> None:
        delete_images(Image.objects.filter(pk=gone.pk))

    store_lists(snapshot, report)
    erase_due()
    assert snapshot.images_removed == 1
    text = storages["derived"].open(stored_list(snapshot, Split.TRAIN)).read().decode()
    assert stays.sha256 in text
    assert gone.sha256 not in text
    assert not storages["derived"].exists(f"{before}/train.json")


def test_deleting_many_takes_a_bounded_number_of_queries(
    annotated: MakeAnnotated, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for _ in range(60):
        annotated()
    make_snapshot(**EVERYTHING_TRAINS)
    with django_assert_max_num_queries(45):
        delete_images(Image.objects.all())
    snapshot = DatasetSnapshot.objects.get()
    assert snapshot.images_removed == 60
    assert not snapshot.images.exists()
