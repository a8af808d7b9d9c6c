"""Owners let moderators see their images, where the setting leaves that to them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.db import transaction

from portal.images.models import Image
from portal.moderation.models import ReviewItem

_BATCH = 1000


def share(images: Sequence[UUID], shared: bool) -> int:
    """Let moderators see these images, or no longer. Returns for how many of them that is new."""
    changed = 0
    for start in range(0, len(images), _BATCH):
        batch = images[start : start + _BATCH]
        with transaction.atomic():
            # In one order, as everybody else who locks several.
            list(Image.objects.filter(pk__in=batch).order_by("pk").select_for_update().values_list("pk"))
            changed += Image.objects.filter(pk__in=batch, shared=not shared).update(shared=shared)
            # Whoever reviews one of them at this moment has seen the last of it.
            lease = {} if shared else {"leased_by": None, "leased_until": None}
            ReviewItem.objects.filter(image__in=batch).update(shared=shared, **lease)
    return changed


def is_up_to_owners() -> bool:
    """Whether moderators see what its owner shares, and nothing else."""
    return bool(settings.MODERATION_SEES == "shared")


def who_sees(image: Image) -> str:
    """A sentence for its owner on whether moderators may look at the image."""
    review: ReviewItem | None = getattr(image, "review", None)
    if settings.MODERATION_SEES == "all":
        return "Moderators may look at your images; every look is recorded."
    if is_up_to_owners():
        if image.shared:
            return "Moderators may look at this image, because you share it; every look is recorded."
        return "Moderators do not see this image, unless you share it with them."
    if review is not None and review.flagged:
        return "Moderators may look at this image, because it was flagged; every look is recorded."
    if review is not None and review.suggested:
        return "Moderators may look at this image, because you said something of its labels; every look is recorded."
    return "Moderators do not see this image, unless you say something of its labels or it is flagged."
