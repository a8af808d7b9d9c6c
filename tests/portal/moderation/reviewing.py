"""Images that wait in the queue, and people who review them."""

from __future__ import annotations

from typing import Any

from portal.accounts.models import User
from portal.images.models import CurrentLabel, Image
from portal.moderation.groups import make_moderator
from portal.moderation.models import ReviewItem
from tests.conftest import PASSWORD
from tests.portal.bare_images import bare_images


def moderator(name: str = "moderator") -> User:
    """Somebody who may review images."""
    user = User.objects.create_user(name, f"{name}@example.com", PASSWORD)
    make_moderator(user)
    return User.objects.get(pk=user.pk)


def waiting_images(owner: User, count: int, label: str = "", **values: Any) -> list[Image]:
    """Images without files or labels in the queue, the newest first, each with a lower score than the one before."""
    images = bare_images(owner, count)
    ReviewItem.objects.bulk_create(
        ReviewItem(
            image=image,
            owner=owner,
            created_at=image.created_at,
            **{"score": 90 - number / 10, "sample_order": number / 10_000, **values},
        )
        for number, image in enumerate(images)
    )
    if label:
        listed(images, label)
    return images


def listed(images: list[Image], label: str, detector: str = "onnx") -> None:
    """Let the images be found by this label."""
    CurrentLabel.objects.bulk_create(
        CurrentLabel(
            image=image,
            owner_id=image.owner_id,
            created_at=image.created_at,
            name=label.lower(),
            title=label,
            detector=detector,
            confidence=90,
            surest_of_name=True,
            surest_of_detector=True,
        )
        for image in images
    )
