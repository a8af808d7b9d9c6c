"""Merging two labels with very many detections: a bounded number of statements, progress, and the way back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal.accounts.models import User
from portal.images.models import CurrentLabel, DetectedLabel, Image, Label, Recognition, Status
from portal.moderation.effect import bring_up_to_date
from portal.moderation.models import VocabularyChange
from portal.moderation.vocabulary.following import CHUNK, follow
from portal.moderation.vocabulary.merge import merge
from portal.moderation.vocabulary.undoing import undo
from tests.conftest import make_result
from tests.portal.moderation.vocabulary import everything_seen, followed, label, make_editor, wish

# Each with two detections: one of a label that is merged, one of the label that stays.
IMAGES = 10_000


def load(owner: User) -> None:
    """Rows as `record_result` leaves them."""
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    images = [
        Image(owner=owner, filename=f"{number}.jpg", byte_size=1, sha256="0" * 64, status=Status.RECOGNIZED)
        for number in range(IMAGES)
    ]
    Image.objects.bulk_create(images)
    pup, dog = Label.objects.bulk_create([Label(name="Pup"), Label(name="Dog")])
    said = make_result(images[0], labels=(label("Pup", 80), label("Dog", 70, "rekognition")), recognized_at=moment)
    document = json.loads(said.to_json())
    Recognition.objects.bulk_create(
        Recognition(
            image=image,
            status="recognized",
            recognized_at=moment,
            document={**document, "image_id": str(image.pk)},
        )
        for image in images
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE images_image SET current_id = (SELECT id FROM images_recognition WHERE image_id = images_image.id)"
        )
    DetectedLabel.objects.bulk_create(
        DetectedLabel(recognition_id=pk, label=said, detector=detector, confidence=confidence)
        for pk in Recognition.objects.values_list("pk", flat=True)
        for said, detector, confidence in ((pup, "onnx", 80), (dog, "rekognition", 70))
    )
    for start in range(0, IMAGES, 1000):
        ids = [image.pk for image in images[start : start + 1000]]
        bring_up_to_date(list(Image.objects.filter(pk__in=ids).select_related("current")))


def statements_of(change: VocabularyChange, seconds: float) -> int:
    with CaptureQueriesContext(connection) as queries:
        follow(change.pk, seconds)
    return len(queries)


@pytest.mark.slow
def test_a_merge_of_twenty_thousand_detections_is_followed_shown_and_undone(owner: User, client: Client) -> None:
    load(owner)
    before = everything_seen(owner)
    editor = make_editor()
    client.force_login(editor)
    pup, dog = Label.objects.get(name="Pup"), Label.objects.get(name="Dog")
    with CaptureQueriesContext(connection) as queries:
        change = merge(wish(editor), [pup.pk], dog.pk)
    assert len(queries) < 30

    one_chunk = statements_of(change, 0)
    assert one_chunk < 60
    progress: dict[str, Any] = client.get(reverse("moderation:change", args=[change.pk]), {"format": "json"}).json()
    assert (progress["done"], progress["finished"]) == (CHUNK, False)
    assert 0 < progress["percent"] < 20
    chunks = IMAGES // CHUNK
    # The last finds that nothing is left.
    assert statements_of(change, 600) <= chunks * one_chunk
    assert set(CurrentLabel.objects.values_list("title", "detector")) == {("Dog", "onnx"), ("Dog", "rekognition")}
    change.refresh_from_db()
    assert (change.images_done, change.percent) == (IMAGES, 100)

    followed(undo(wish(editor), change.pk))
    assert everything_seen(owner) == before
