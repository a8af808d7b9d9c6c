"""Images that people have said something of."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.utils import timezone
from PIL import Image as Picture

from portal.accounts.models import User
from portal.finetuning.building import advance
from portal.finetuning.making import begin
from portal.finetuning.models import DatasetSnapshot
from portal.images.models import Image, Label, LabelState, Status
from portal.moderation.models import Annotation, ReviewItem

Drawn = tuple[str, float, float, float, float]
MakeAnnotated = Callable[..., Image]

SEVERAL = 40


def jpeg(picture: Picture.Image, **options: Any) -> bytes:
    stored = io.BytesIO()
    picture.save(stored, "JPEG", quality=95, **options)
    return stored.getvalue()


def annotate(image: Image, boxes: Sequence[Drawn], state: str = LabelState.ADDED, **values: Any) -> None:
    """Boxes are (label, left, top, width, height) in fractions."""
    for name, *box in boxes:
        label, _ = Label.objects.get_or_create(name=name)
        sides = dict(zip(("left", "top", "width", "height"), box, strict=True)) if box else {}
        Annotation.objects.create(image=image, label=label, state=state, **sides, **values)


def complete(image: Image) -> None:
    ReviewItem.objects.update_or_create(
        image=image,
        defaults={"owner_id": image.owner_id, "created_at": image.created_at, "completed_at": timezone.now()},
    )


def hash_number(number: int) -> str:
    """A hash that looks like no other."""
    return f"{int(hashlib.sha256(f'hash {number}'.encode()).hexdigest(), 16) >> 1:064x}"


@pytest.fixture
def annotated(owner: User) -> MakeAnnotated:
    """Make a recognised image with boxes, by default one dog, of a content and a hash of its own."""
    count = 0

    def make(boxes: Sequence[Drawn] = (("Dog", 0.1, 0.2, 0.3, 0.4),), *, content: bytes = b"", **values: Any) -> Image:
        nonlocal count
        count += 1
        completed = values.pop("completed", False)
        state = values.pop("state", LabelState.ADDED)
        content = content or f"content {count}".encode()
        image = Image.objects.create(
            **{
                "owner": owner,
                "filename": f"{count}.jpg",
                "byte_size": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "status": Status.RECOGNIZED,
                "width": 640,
                "height": 480,
                "perceptual_hash": hash_number(count),
                **values,
            }
        )
        storages["uploads"].save(image.upload_key, ContentFile(content))
        annotate(image, boxes, state)
        if completed:
            complete(image)
        return image

    return make


def make_snapshot(author: User | None = None, **asked_for: Any) -> DatasetSnapshot:
    """Ask for a snapshot and build it to its end."""
    snapshot = begin(DatasetSnapshot(**{"name": "shapes", "licence": "CC0", **asked_for}), author)
    return build(snapshot.pk)


def build(snapshot_id: UUID) -> DatasetSnapshot:
    assert advance(snapshot_id, 60)
    return DatasetSnapshot.objects.get(pk=snapshot_id)
