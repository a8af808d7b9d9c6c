"""Datasets in the administration: who may make them, see them and take them away."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.storage import storages
from django.test import Client
from django.urls import reverse
from django_tasks_db.models import DBTaskResult

from portal.accounts.models import User
from portal.finetuning.models import DatasetSnapshot
from portal.finetuning.tasks import build_dataset
from portal.images.deletion import delete_images
from portal.images.models import Image
from portal.moderation.models import AuditEntry
from tests.portal.finetuning.conftest import MakeAnnotated, build, make_snapshot

pytestmark = pytest.mark.django_db

LIST = "/admin/finetuning/datasetsnapshot/"
FORM = {"name": "pets", "minimum": "1", "split": "70/20/10", "licence": "CC0"}


def staff(client: Client, user: User, *permissions: str) -> Client:
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


@pytest.fixture
def maker(client: Client, owner: User) -> Client:
    return staff(client, owner, "add_datasetsnapshot", "view_datasetsnapshot")


def page_of(snapshot: DatasetSnapshot) -> str:
    return f"{LIST}{snapshot.pk}/change/"


def download_of(snapshot: DatasetSnapshot, split: str = "train") -> str:
    return reverse("admin:finetuning_datasetsnapshot_download", args=[snapshot.pk, split])


def test_a_dataset_is_asked_for_with_labels_and_their_counts(maker: Client, annotated: MakeAnnotated) -> None:
    annotated([("Dog", 0.1, 0.2, 0.3, 0.4), ("Dog", 0.5, 0.2, 0.3, 0.4), ("Cat", 0.1, 0.1, 0.1, 0.1)])
    form = maker.get(f"{LIST}add/").content.decode()
    assert "Dog (2)" in form
    assert "Cat (1)" in form
    answer = maker.post(f"{LIST}add/", {**FORM, "labels": ["Dog"]})
    snapshot = DatasetSnapshot.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, page_of(snapshot))
    assert (snapshot.labels, snapshot.author_name, snapshot.version) == (["Dog"], "owner", 1)
    assert (snapshot.train_percent, snapshot.validation_percent, snapshot.test_percent) == (70, 20, 10)
    (task,) = DBTaskResult.objects.filter(task_path=build_dataset.module_path)
    assert task.args_kwargs["args"] == [str(snapshot.pk)]
    assert build(snapshot.pk).categories == [{"id": 1, "name": "Dog"}]


def test_shares_that_do_not_make_a_hundred_are_refused_in_words(maker: Client, annotated: MakeAnnotated) -> None:
    annotated()
    answer = maker.post(f"{LIST}add/", {**FORM, "split": "70/20/20"})
    assert "Give three whole percentages that make 100" in answer.content.decode()
    assert not DatasetSnapshot.objects.exists()


def test_the_page_shows_progress_and_then_the_card(maker: Client, annotated: MakeAnnotated) -> None:
    annotated()
    maker.post(f"{LIST}add/", FORM)
    snapshot = DatasetSnapshot.objects.get()
    progress = reverse("admin:finetuning_datasetsnapshot_progress", args=[snapshot.pk])
    assert progress in maker.get(page_of(snapshot)).content.decode()
    assert maker.post(progress).json() == {"state": "building", "percent": 0, "error": ""}
    build(snapshot.pk)
    assert maker.post(progress).json() == {"state": "ready", "percent": 100, "error": ""}
    page = maker.get(page_of(snapshot)).content.decode()
    assert "Data card" in page
    assert "Balance of the classes" in page
    assert "1 images with boxes are not complete" in page
    assert download_of(snapshot) in page
    assert "pets v1" in maker.get(LIST).content.decode()


def test_a_failed_one_says_why(maker: Client, annotated: MakeAnnotated) -> None:
    annotated()
    snapshot = make_snapshot(minimum=9)
    assert snapshot.error in maker.get(page_of(snapshot)).content.decode().replace("&quot;", '"')


def test_the_page_says_that_images_were_removed(maker: Client, annotated: MakeAnnotated) -> None:
    image = annotated()
    annotated()
    snapshot = make_snapshot()
    delete_images(Image.objects.filter(pk=image.pk))
    assert "1 image left this dataset" in maker.get(page_of(snapshot)).content.decode()


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_lists_are_downloaded_and_the_audit_log_tells_it(maker: Client, annotated: MakeAnnotated, split: str) -> None:
    annotated()
    snapshot = make_snapshot(name="Katzen & Hunde")
    answer = maker.get(download_of(snapshot, split))
    assert answer.streaming
    document = json.loads(b"".join(answer.streaming_content))
    assert set(document) == {"info", "licenses", "categories", "images", "annotations"}
    assert "attachment" in answer.headers["Content-Disposition"]
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.actor_name, entry.after["what"]) == ("export", "owner", f"{split}.json")


def test_there_is_nothing_else_to_download(maker: Client, annotated: MakeAnnotated) -> None:
    annotated()
    ready, failed = make_snapshot(), make_snapshot(name="none", minimum=5)
    assert maker.get(download_of(ready, "everything")).status_code == 404
    assert maker.get(download_of(failed)).status_code == 404


def test_nothing_of_a_snapshot_can_be_changed_or_deleted(maker: Client, annotated: MakeAnnotated, owner: User) -> None:
    annotated()
    snapshot = make_snapshot()
    assert maker.post(page_of(snapshot), {**FORM, "name": "other"}).status_code == 403
    owner.is_superuser = True
    owner.save()
    assert maker.post(page_of(snapshot), {**FORM, "name": "other"}).status_code == 403
    assert maker.post(f"{LIST}{snapshot.pk}/delete/", {"post": "yes"}).status_code == 403
    snapshot.refresh_from_db()
    assert snapshot.name == "shapes"


def test_staff_without_the_permissions_see_and_make_nothing(
    client: Client, owner: User, stranger: User, annotated: MakeAnnotated
) -> None:
    annotated()
    snapshot = make_snapshot()
    progress = reverse("admin:finetuning_datasetsnapshot_progress", args=[snapshot.pk])
    staff(client, stranger)
    for answer in (client.get(LIST), client.get(page_of(snapshot)), client.get(download_of(snapshot))):
        assert answer.status_code == 403
    assert client.post(progress).status_code == 403
    assert client.post(f"{LIST}add/", FORM).status_code == 403
    staff(client, stranger, "view_datasetsnapshot")
    assert client.get(page_of(snapshot)).status_code == 200
    assert client.post(f"{LIST}add/", FORM).status_code == 403
    assert DatasetSnapshot.objects.count() == 1


def test_people_who_are_no_staff_are_sent_to_sign_in(client: Client, stranger: User, annotated: MakeAnnotated) -> None:
    annotated()
    snapshot = make_snapshot()
    client.force_login(stranger)
    assert client.get(download_of(snapshot)).status_code in (302, 403)
    assert not AuditEntry.objects.exists()


def test_on_aws_polling_builds_it(maker: Client, annotated: MakeAnnotated, settings: Any) -> None:
    annotated()
    settings.RECOGNIZED_BY = "lambda"
    maker.post(f"{LIST}add/", FORM)
    snapshot = DatasetSnapshot.objects.get()
    assert not DBTaskResult.objects.exists()
    progress = reverse("admin:finetuning_datasetsnapshot_progress", args=[snapshot.pk])
    assert maker.post(progress).json()["state"] == "ready"
    assert storages["derived"].exists(f"datasets/{snapshot.pk}/annotations/0/train.json")
