"""What was rare when it came in is not for ever: the images that are first in the queue by it are looked at again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from itertools import chain
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from portal.images.models import CurrentLabel, LabelState
from portal.moderation.models import ReviewItem
from portal.moderation.scoring import Rating, commonness, rarity

_AT_ONCE: Final = 100
_LEAST_CHANGE: Final = 1.0


def on_swept(**_: Any) -> None:
    """For the signal `swept`."""
    freshen()


def freshen(most: int = _AT_ONCE) -> int:
    """Rate the rarity anew of the first images by rarity and by score. Returns how many had another one.

    Those fall behind, so that the next call comes to the next: what stays in front is there rightly.
    """
    first = ReviewItem.objects.filter(completed_at=None)
    items = {
        item.pk: item
        for item in chain(first.order_by("-rarity", "image_id")[:most], first.order_by("-score", "image_id")[:most])
    }
    now = _rarities(items)
    changed = [item for pk, item in items.items() if abs(item.rarity - now.get(pk, 0)) >= _LEAST_CHANGE]
    # Each in a transaction of its own: others lock several in another order.
    return sum(_store(item, now.get(item.pk, 0)) for item in changed)


def _rarities(images: Collection[UUID]) -> dict[UUID, float]:
    """What `scoring.rate` would say: the rarest of the labels that are shown and that nobody has decided on."""
    labels = CurrentLabel.objects.filter(
        image__in=images, state=LabelState.PREDICTED, confidence__gte=settings.SHOWN_CONFIDENCE
    )
    names = defaultdict[UUID, set[str]](set)
    for image, name in labels.values_list("image_id", "name"):
        names[image].add(name)
    common = commonness(name for some in names.values() for name in some)
    return {image: max(rarity(common[name]) for name in some) for image, some in names.items()}


def _store(item: ReviewItem, now: float) -> int:
    """Unless the image was rated again meanwhile."""
    rating = Rating(item.uncertainty, item.disagreement, now, item.suggested)
    as_read = ReviewItem.objects.filter(
        pk=item.pk, uncertainty=item.uncertainty, disagreement=item.disagreement, suggested=item.suggested
    )
    return as_read.update(rarity=now, score=rating.score)
