"""A page of the history is one piece of an index, and what that index says is what the detectors said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import QuerySet
from django.http import QueryDict

from portal.accounts.models import User
from portal.images.deletion import delete_images
from portal.images.history import Cursor, Filters, in_pages, matching, page_after
from portal.images.models import CurrentLabel, Image, Status
from portal.images.recording import record_result
from recognition.result import Label
from tests.conftest import MakeImage, make_result
from tests.portal.bare_images import bare_images, labelled_images

MONTH_AGO = datetime.now(UTC) - timedelta(days=30)


def found(owner: User, query: str) -> QuerySet[Image]:
    return matching(owner, Filters.parse(QueryDict(query)))


def plan(images: QuerySet[Image]) -> str:
    """How the database would find the first page, in its own words."""
    if connection.vendor == "sqlite":
        return images[:51].explain()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return images[:51].explain(format="text")


@pytest.fixture
def many(owner: User, stranger: User) -> None:
    """Enough that a database does not rather read everything."""
    labelled_images(owner, 2_000)
    labelled_images(stranger, 200)


# How a page is found -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("", "image_history"),
        ("status=failed", "image_history_state"),
        ("label=Dog", "current_label_history"),
        ("label=Dog&detector=onnx", "current_label_history"),
        ("label=Dog&confidence=60&status=recognized", "current_label_history"),
        (
            f"label=Dog&since={MONTH_AGO - timedelta(days=20):%Y-%m-%d}&until={MONTH_AGO:%Y-%m-%d}",
            "current_label_history",
        ),
        ("detector=onnx", "current_label_detector"),
    ],
)
@pytest.mark.parametrize("deep", [False, True])
def test_a_page_is_read_from_its_index_and_nothing_is_sorted(
    owner: User, many: None, query: str, index: str, deep: bool
) -> None:
    images = found(owner, query)
    if deep:
        images = Cursor(MONTH_AGO, Image.objects.all()[0].pk).after(images)
    how = plan(images)

    assert f"{index} " in how
    assert "sort" not in how.lower().replace("incremental sort", "")
    assert "TEMP B-TREE" not in how


def test_a_second_label_is_looked_up_image_by_image_beginning_with_the_rarer(
    owner: User, many: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.images.history._PROBED", 10)
    sql = str(found(owner, "label=Dog&label=Rare").query)
    assert sql.index("rare") < sql.index("dog")
    assert sql == str(found(owner, "label=Rare&label=Dog").query)
    looked_up = re.search("current_label_(once|name)", plan(found(owner, "label=Dog&label=Rare")))
    assert looked_up or connection.vendor == "sqlite"


@pytest.mark.parametrize("query", ["label=Dog", "label=Dog&label=Rare", "detector=onnx", "label=Rare&status=failed"])
def test_pages_of_a_label_show_every_image_once_newest_first(owner: User, stranger: User, query: str) -> None:
    labelled_images(owner, 200)
    labelled_images(stranger, 20)
    images = found(owner, query)
    expected = sorted(images, key=lambda image: (image.created_at, image.pk.hex), reverse=True)
    seen = [image for page in in_pages(images, 7) for image in page]

    assert seen == expected
    assert len(seen) == images.count() == images.order_by().count()
    assert {image.owner for image in seen} <= {owner}


def test_what_is_chosen_of_a_labels_images_stays_chosen(owner: User) -> None:
    labelled_images(owner, 30)
    images = found(owner, "label=Dog")
    some = [image.pk for image in images[:3]]
    moment = images[10].created_at

    assert {image.pk for image in images.filter(pk__in=some)} == set(some)
    assert page_after(images.filter(created_at__lte=moment), None, 5).images == list(images[10:15])
    assert images.select_related("current").exists()


# What the index says -------------------------------------------------------------------------------------------------


def rows(image: Image) -> Iterator[tuple[Any, ...]]:
    labels = CurrentLabel.objects.filter(image=image).order_by("name", "detector")
    yield from labels.values_list("name", "detector", "confidence", "surest_of_name", "surest_of_detector")


LABELS = (Label("Dog", 90, "onnx"), Label("dog", 95, "onnx"), Label("Dog", 80, "faces"), Label("Cat", 70, "faces"))
ROWS = [
    ("cat", "faces", 70, True, False),
    ("dog", "faces", 80, False, True),
    ("dog", "onnx", 95, True, True),
]


def test_names_that_differ_in_their_case_are_one_and_the_surest_are_marked(
    owner: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner, labels=LABELS)
    assert list(rows(image)) == ROWS
    assert CurrentLabel.objects.filter(owner=owner, created_at=image.created_at).count() == 3


def test_another_recognition_replaces_the_labels_and_a_failed_one_does_not(
    owner: User, recognized_image: MakeImage
) -> None:
    image = recognized_image(owner, labels=LABELS)
    later = datetime.now(UTC) + timedelta(minutes=1)
    record_result(make_result(image, labels=(Label("Cat", 60, "onnx"),), recognized_at=later))
    assert list(rows(image)) == [("cat", "onnx", 60, True, True)]

    record_result(make_result(image, labels=LABELS, recognized_at=later - timedelta(days=1)))
    assert list(rows(image)) == [("cat", "onnx", 60, True, True)]


def test_deleted_images_leave_no_labels(owner: User, stranger: User, recognized_image: MakeImage) -> None:
    recognized_image(owner)
    recognized_image(stranger)
    delete_images(Image.objects.filter(owner=owner))
    assert set(CurrentLabel.objects.values_list("owner", flat=True)) == {stranger.pk}
    stranger.delete()
    assert not CurrentLabel.objects.exists()


def test_the_migration_stores_what_recording_does(
    owner: User, recognized_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    migration = import_module("portal.images.migrations.0004_fill_current_labels")
    monkeypatch.setattr(migration, "_AT_ONCE", 2)
    images = [recognized_image(owner, labels=LABELS) for _ in range(3)]
    bare_images(owner, 1, status=Status.FAILED)
    stored = json.dumps([list(rows(image)) for image in images])
    CurrentLabel.objects.filter(image__in=images[1:]).delete()

    migration.fill(apps, None)
    migration.fill(apps, None)
    assert json.dumps([list(rows(image)) for image in images]) == stored
