"""Deleting: rows at once, files surely."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages
from django.utils import timezone

from portal.accounts.models import User
from portal.images.deletion import delete_images
from portal.images.erasing import erase_due
from portal.images.models import Image, Recognition, Status, StorageDeletion
from portal.images.tasks import recognize_image
from tests.conftest import MakeImage


def stored(alias: str) -> list[str]:
    def walk(path: str) -> list[str]:
        try:
            folders, files = storages[alias].listdir(path)
        except FileNotFoundError:
            return []
        return [f"{path}/{name}" for name in files] + [key for name in folders for key in walk(f"{path}/{name}")]

    return walk(".")


def test_rows_go_at_once_and_files_with_the_next_erasure(owner: User, recognized_image: MakeImage) -> None:
    image = recognized_image(owner)
    storages["derived"].save(f"{image.derived_prefix}/results/1.json", ContentFile(b"{}"))
    kept = recognized_image(owner, "kept.jpg")
    assert delete_images(Image.objects.filter(pk=image.pk)) == 1
    assert not Recognition.objects.filter(image_id=image.pk).exists()
    assert erase_due() == 2
    for alias in ("uploads", "derived"):
        assert not [key for key in stored(alias) if str(image.pk) in key]
        assert [key for key in stored(alias) if str(kept.pk) in key]


def test_a_storage_that_fails_is_tried_again_until_it_works(
    owner: User, recognized_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = recognized_image(owner)
    delete_images(Image.objects.filter(pk=image.pk))

    def refuse(*_: Any) -> None:
        raise OSError("the disk is away")

    with monkeypatch.context() as broken:
        broken.setattr(FileSystemStorage, "delete", refuse)
        assert erase_due() == 0
    owed = StorageDeletion.objects.all()
    assert {deletion.last_error for deletion in owed} == {"OSError: the disk is away"}
    assert erase_due() == 0, "the next try waits its turn"
    owed.update(not_before=timezone.now())
    assert erase_due() == 2
    assert not stored("uploads")
    assert not owed.exists()


def test_what_a_worker_writes_after_the_deletion_is_erased_as_well(owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner)
    image.take("somebody", timezone.now() + timedelta(minutes=5))
    delete_images(Image.objects.all())
    erase_due()
    storages["derived"].save(image.preview_key, ContentFile(b"late"))
    StorageDeletion.objects.update(not_before=timezone.now())
    erase_due()
    assert not stored("derived")


def test_deleting_twice_deletes_nothing_more(owner: User, recognized_image: MakeImage) -> None:
    recognized_image(owner)
    assert delete_images(Image.objects.all()) == 1
    assert delete_images(Image.objects.all()) == 0


def test_a_task_for_a_deleted_image_does_nothing(owner: User, stored_image: MakeImage) -> None:
    image = stored_image(owner, status=Status.QUEUED)
    delete_images(Image.objects.all())
    recognize_image.call(str(image.pk))
    assert not Image.objects.exists()
