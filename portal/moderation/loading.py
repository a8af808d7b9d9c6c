"""The truth of images that are in the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from portal.images.models import FlagVerdict, Image, Recognition
from portal.moderation.models import Annotation, ReviewItem
from portal.moderation.truth import Truth
from portal.moderation.weighing import truth_of
from portal.moderation.words import Vocabulary


def truths(images: Sequence[Image], vocabulary: Vocabulary | None = None) -> dict[UUID, Truth]:
    """What is in each of these images, whose `current` is loaded: four queries, two with a vocabulary that is loaded.

    An image that was never recognised has what people said of it, and one that was removed has nothing.
    """
    vocabulary = vocabulary or Vocabulary.load()
    ids = [image.pk for image in images]
    decided = annotations_of(ids)
    completed = set(
        ReviewItem.objects.filter(image__in=ids, completed_at__isnull=False).values_list("image_id", flat=True)
    )
    found = {}
    for image in images:
        result = image.current.result if image.current else None
        is_removed = image.verdict == FlagVerdict.REMOVED
        is_completed = image.pk in completed
        found[image.pk] = Truth() if is_removed else truth_of(result, decided[image.pk], vocabulary, is_completed)
    return found


def load_current(images: Sequence[Image]) -> None:
    """Read the current recognitions of images that were locked just now; one query.

    Not joined to the statement that locks: where it had to wait, PostgreSQL reads the image again, and not the row
    beside it, so that an image with another recognition by then would seem to have none.
    """
    found = Recognition.objects.in_bulk({image.current_id for image in images if image.current_id is not None})
    for image in images:
        if image.current_id is not None:
            image.current = found[image.current_id]


def annotations_of(ids: Sequence[UUID]) -> dict[UUID, list[Annotation]]:
    """The annotations of each of these images, with their labels; one query."""
    found: dict[UUID, list[Annotation]] = defaultdict(list)
    for annotation in Annotation.objects.filter(image__in=ids).select_related("label", "predicted_label"):
        found[annotation.image_id].append(annotation)
    return found
