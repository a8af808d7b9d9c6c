"""Images on the desk: locked, with all that people said of them, and what is changed before it is stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import Image
from portal.moderation.actions.snapshots import FIELDS, Snapshot, taken
from portal.moderation.effect import bring_up_to_date
from portal.moderation.loading import annotations_of, load_current
from portal.moderation.models import Annotation, ReviewItem
from portal.moderation.words import Vocabulary

Change = dict[str, Any]


class Desk:
    """One locked image. What is put here is stored by `store`, all at once, and told by `before` and `after`."""

    def __init__(
        self, image: Image, actor: User, annotations: Sequence[Annotation], item: ReviewItem | None, words: Vocabulary
    ) -> None:
        self.image = image
        self.actor = actor
        self.item = item
        self.words = words
        self.now: datetime = timezone.now()
        self.annotations = {annotation.pk: annotation for annotation in annotations}
        self._found = {annotation.pk: taken(annotation) for annotation in annotations}
        self.before: Change = {}
        self.after: Change = {}

    @property
    def said(self) -> list[Annotation]:
        return list(self.annotations.values())

    @property
    def is_completed(self) -> bool:
        return self.item is not None and self.item.completed_at is not None

    def found(self, annotation_id: UUID) -> Snapshot | None:
        """The annotation as it was when the image was locked."""
        return self._found.get(annotation_id)

    def decide(self, annotation: Annotation) -> None:
        """Let this be the actor's word, as of now."""
        annotation.author, annotation.decided_at = self.actor, self.now
        self.put(annotation)

    def put(self, annotation: Annotation) -> None:
        """Have an annotation stored as it is."""
        self.annotations[annotation.pk] = annotation
        self._note(annotation.pk, taken(annotation))

    def drop(self, annotation_id: UUID) -> None:
        self.annotations.pop(annotation_id, None)
        self._note(annotation_id, None)

    def note(self, what: str, before: Any, after: Any) -> None:
        """Tell the audit log of a change beside the annotations."""
        self.before[what], self.after[what] = before, after

    def _note(self, annotation_id: UUID, snapshot: Snapshot | None) -> None:
        key = str(annotation_id)
        self.before.setdefault("annotations", {})[key] = self.found(annotation_id)
        self.after.setdefault("annotations", {})[key] = snapshot

    @property
    def changed(self) -> dict[str, Snapshot | None]:
        """The annotations that are to be stored, by their ids; None for those that go."""
        found: dict[str, Snapshot | None] = self.after.get("annotations", {})
        return found


def locked(ids: Iterable[UUID]) -> list[Image]:
    """These images with their current recognitions, which nobody else changes until the end of the transaction."""
    # In one order, so that two who want several never wait for each other.
    images = list(Image.objects.filter(pk__in=list(ids)).order_by("pk").select_for_update())
    load_current(images)
    return images


def desks(images: Sequence[Image], actor: User) -> list[Desk]:
    """Locked images with what is known of them; four queries for any number."""
    words = Vocabulary.load()
    ids = [image.pk for image in images]
    said = annotations_of(ids)
    items = ReviewItem.objects.in_bulk(ids)
    return [Desk(image, actor, said[image.pk], items.get(image.pk), words) for image in images]


def store(changed: Sequence[Desk]) -> None:
    """Store what was put on the desks, and bring the images up to date."""
    kept = [desk.annotations[UUID(key)] for desk in changed for key, each in desk.changed.items() if each is not None]
    gone = [UUID(key) for desk in changed for key, each in desk.changed.items() if each is None]
    if gone:
        Annotation.objects.filter(pk__in=gone).delete()
    Annotation.objects.bulk_create(kept, update_conflicts=True, unique_fields=["id"], update_fields=FIELDS)
    bring_up_to_date([desk.image for desk in changed])
