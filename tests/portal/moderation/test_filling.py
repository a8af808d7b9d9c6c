"""The migrations give images that were there before what `record_result` gives to new ones."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from portal.accounts.models import User
from portal.images.models import CurrentLabel, Image
from portal.moderation.models import ReviewItem
from recognition.result import ModerationLabel
from tests.conftest import MakeImage
from tests.portal.bare_images import bare_images
from tests.portal.moderation.deciding import said

IMAGES = import_module("portal.images.migrations.0006_titles_and_flags")
ITEMS = import_module("portal.moderation.migrations.0003_fill_review_items")


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for migration in (IMAGES, ITEMS):
        monkeypatch.setattr(migration, "_AT_ONCE", 2)


def test_labels_get_the_titles_that_recording_gives_them(owner: User, recognized_image: MakeImage) -> None:
    for number in range(3):
        recognized_image(owner, f"{number}.jpg", labels=(said("Dog"), said("Traffic Light", 60)))
    stored = set(CurrentLabel.objects.values_list("pk", "title"))
    assert CurrentLabel.objects.update(title="") == 6
    for _ in range(2):
        IMAGES.fill_titles(apps, None)
        assert set(CurrentLabel.objects.values_list("pk", "title")) == stored


def test_photos_above_the_threshold_are_flagged(owner: User, recognized_image: MakeImage) -> None:
    for number, confidence in enumerate((59, 60, 99)):
        recognized_image(owner, f"{number}.jpg", moderation_labels=(ModerationLabel("Violence", "", confidence, 1),))
    stored = set(Image.objects.values_list("pk", "flagged"))
    Image.objects.update(flagged=False)
    IMAGES.fill_flags(apps, None)
    assert set(Image.objects.values_list("pk", "flagged")) == stored
    assert Image.objects.filter(flagged=True).count() == 2


def test_recognised_photos_get_their_places_in_the_queue(owner: User, recognized_image: MakeImage) -> None:
    for number in range(5):
        recognized_image(owner, f"{number}.jpg", moderation_labels=(ModerationLabel("Violence", "", 20 * number, 1),))
    bare_images(owner, 1)

    def places() -> set[Any]:
        return set(ReviewItem.objects.values_list("image", "owner", "created_at", "sample_order", "flagged", "shared"))

    stored = places()
    ReviewItem.objects.filter(pk__in=list(ReviewItem.objects.values_list("pk", flat=True)[:4])).delete()
    for _ in range(2):
        ITEMS.fill(apps, None)
        assert places() == stored
