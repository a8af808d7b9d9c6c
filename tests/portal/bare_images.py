"""Rows of images without files, for tests that need many and look at none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import CurrentLabel, Image, Status


def bare_images(owner: User, count: int, **values: Any) -> list[Image]:
    """Recognised images `photo-0.jpg`, `photo-1.jpg`, …, an hour apart, newest first, unless `values` say otherwise."""
    now = timezone.now()
    made = []
    for number in range(count):
        defaults = {"status": Status.RECOGNIZED, "created_at": now - timedelta(hours=number)}
        made.append(Image(owner=owner, filename=f"photo-{number}.jpg", **{"byte_size": 1, **defaults, **values}))
    return Image.objects.bulk_create(made)


def labelled_images(owner: User, count: int) -> list[Image]:
    """Bare images of the label `Dog`, every tenth of `Rare` too, by two detectors; every hundredth failed later."""
    images = bare_images(owner, count)
    Image.objects.filter(pk__in=[image.pk for image in images[::100]]).update(status=Status.FAILED)
    rows = []
    for number, image in enumerate(images):
        names = ("dog", "rare") if number % 10 == 0 else ("dog",)
        for name in names:
            rows += [
                _label(image, name, "onnx", confidence=95 - number % 40, surest_of_detector=name == "dog"),
                _label(image, name, "faces", confidence=50, surest_of_detector=name == "dog"),
            ]
    CurrentLabel.objects.bulk_create(rows)
    return images


def _label(image: Image, name: str, detector: str, *, confidence: float, surest_of_detector: bool) -> CurrentLabel:
    return CurrentLabel(
        image=image,
        owner=image.owner,
        created_at=image.created_at,
        name=name,
        title=name.capitalize(),
        detector=detector,
        confidence=confidence,
        surest_of_name=detector == "onnx",
        surest_of_detector=surest_of_detector,
    )
