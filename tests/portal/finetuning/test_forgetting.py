"""The worst mistakes of a model are shown as pictures: those of deleted images leave its report."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from portal.accounts.leaving import delete_account
from portal.accounts.models import User
from portal.finetuning.forgetting import forget
from portal.finetuning.models import DatasetSnapshot, ModelVersion
from portal.finetuning.workplaces import workplace
from portal.images.deletion import delete_images
from portal.images.erasing import erase_due
from portal.images.models import Image, StorageDeletion
from tests.portal.finetuning.conftest import MakeAnnotated, make_snapshot
from tests.portal.finetuning.versions import drawn_dataset, ready_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(annotated: MakeAnnotated) -> DatasetSnapshot:
    return drawn_dataset(annotated)


def with_mistakes(dataset: DatasetSnapshot) -> ModelVersion:
    """A version with a mistake in each test image."""
    names = [row.file_name for row in dataset.images.filter(split="test").order_by("sha256")]
    worst = [{"image": f"report/worst-{n}.jpg", "file_name": name} for n, name in enumerate(names, start=1)]
    version = ready_version(dataset, report={"candidate": {"map50": [0.8, 0.7, 0.9]}, "worst": worst})
    for name in ("report.json", "report/index.html", *(mistake["image"] for mistake in worst)):
        storages["derived"].save(f"{version.folder}/{name}", ContentFile(b"content"))
    return version


def test_a_deleted_image_leaves_the_reports_and_the_rest_of_them_stays(dataset: DatasetSnapshot) -> None:
    version = with_mistakes(dataset)
    first, second = version.report["worst"]
    gone = dataset.images.get(sha256=first["file_name"].removeprefix("images/").removesuffix(".jpg"))
    delete_images(Image.objects.filter(pk=gone.image_id))
    erase_due()
    version.refresh_from_db()
    assert version.report == {"candidate": {"map50": [0.8, 0.7, 0.9]}, "worst": [second]}
    stored = storages["derived"]
    names = ("report.json", "report/index.html", first["image"], second["image"], "model/model.onnx")
    there = [stored.exists(f"{version.folder}/{name}") for name in names]
    assert there == [False, False, False, True, True]


def test_an_image_that_no_report_shows_leaves_them_as_they_are(dataset: DatasetSnapshot) -> None:
    version = with_mistakes(dataset)
    trained_on = dataset.images.filter(split="train")[0]
    delete_images(Image.objects.filter(pk=trained_on.image_id))
    version.refresh_from_db()
    assert len(version.report["worst"]) == 2
    assert not StorageDeletion.objects.filter(path__startswith=version.folder).exists()


def test_an_account_s_receipt_waits_for_reports_too(dataset: DatasetSnapshot, owner: User) -> None:
    version = with_mistakes(dataset)
    receipt = delete_account(owner)
    owed = set(StorageDeletion.objects.filter(receipt=receipt).values_list("path", flat=True))
    assert {f"{version.folder}/report/worst-1.jpg", f"{version.folder}/report/worst-2.jpg"} <= owed


def test_a_mistake_that_does_not_say_whose_picture_it_shows_goes_with_the_first(dataset: DatasetSnapshot) -> None:
    version = with_mistakes(dataset)
    version.report["worst"].append({"image": "report/worst-3.jpg"})
    version.report["worst"].append({})
    version.save()
    trained_on = dataset.images.filter(split="train")[0]
    delete_images(Image.objects.filter(pk=trained_on.image_id))
    version.refresh_from_db()
    assert [mistake["image"] for mistake in version.report["worst"]] == ["report/worst-1.jpg", "report/worst-2.jpg"]
    assert StorageDeletion.objects.filter(path=f"{version.folder}/report/worst-3.jpg").exists()


def test_versions_of_several_datasets_are_locked_at_once_and_in_one_order(
    dataset: DatasetSnapshot, django_assert_num_queries: Any
) -> None:
    """Whoever decides what runs locks them in that order, too: so neither waits for the other."""
    other = make_snapshot(name="other")
    for number, of in enumerate((dataset, other, dataset, other)):
        ready_version(of, number)
    with django_assert_num_queries(1) as asked:
        forget({dataset.pk: ["0"], other.pk: ["0"]})
    assert 'ORDER BY "finetuning_modelversion"."id" ASC' in asked[0]["sql"]


@pytest.mark.django_db(transaction=True)
def test_pictures_in_a_training_s_folder_go_as_soon_as_they_are_deleted(dataset: DatasetSnapshot) -> None:
    gone, stays = dataset.images.filter(split="train").order_by("sha256")
    folder = workplace(dataset.pk) / "data"
    (folder / "images").mkdir(parents=True)
    for row in (gone, stays):
        (folder / row.file_name).write_bytes(b"a picture")
    delete_images(Image.objects.filter(pk=gone.image_id))
    assert [(folder / row.file_name).exists() for row in (gone, stays)] == [False, True]
