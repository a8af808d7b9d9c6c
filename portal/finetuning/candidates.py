"""What people said of images, as the rows of a dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from portal.finetuning.models import DatasetImage, DatasetSnapshot
from portal.finetuning.splitting import split_of
from portal.images.models import FlagVerdict, Image, LabelState
from portal.moderation.models import Annotation, ReviewItem
from portal.moderation.truth import PEOPLE
from portal.moderation.words import Vocabulary

# What says that something is there.
SAID = (LabelState.APPROVED, LabelState.CORRECTED, LabelState.ADDED)

_BOXES = ("left", "top", "width", "height")
# Of the images themselves.
_NEEDED = ("id", "owner_id", "sha256", "width", "height", "perceptual_hash")


@dataclass(frozen=True)
class _Said:
    """One annotation that counts: a title, its state, and a box if it has one."""

    label: str
    state: str
    box: dict[str, float] | None


def box_counts(vocabulary: Vocabulary) -> Counter[str]:
    """How many boxes people approved, corrected or added of each label, by its title.

    Of titles that differ in nothing but the case of letters the commonest stands for all.
    """
    rows = _said().exclude(image__verdict__in=_UNSEEN).filter(left__isnull=False).order_by()
    spellings: dict[str, Counter[str]] = {}
    for name, boxes in rows.values_list("label__name").annotate(Count("pk")):
        if (word := vocabulary.word(name, PEOPLE)) is not None:
            spellings.setdefault(word.key, Counter())[word.title] += boxes
    return Counter({min(each, key=lambda title: (-each[title], title)): each.total() for each in spellings.values()})


def candidates(snapshot: DatasetSnapshot) -> QuerySet[Image]:
    """Images to look at: all except those that must not be shown.

    Whether people said something of them is asked a batch at a time: as a condition here, it would be looked up in ways
    that get slower with the number of images.
    """
    images = Image.objects.filter(width__isnull=False, sha256__gt="").exclude(verdict__in=_UNSEEN)
    if settings.MODERATION_SEES == "shared":
        images = images.filter(Q(shared=True) | Q(owner=snapshot.author_id))
    return images.only(*_NEEDED).order_by("pk")


def rows_of(
    snapshot: DatasetSnapshot, images: Sequence[Image], vocabulary: Vocabulary
) -> tuple[list[DatasetImage], Counter[str]]:
    """What of these images belongs into the snapshot, and how often what was met with.

    One without a box of the dataset's labels is taken only if people said that this is all there is, and none of the
    labels was seen in it without a box. Two queries.
    """
    labels = {category["name"].lower(): category["name"] for category in snapshot.categories}
    said = _said_of(images, vocabulary, labels)
    complete = _complete(images)
    rows, tally = list[DatasetImage](), Counter[str]()
    for image in images:
        of_image = said.get(image.pk, [])
        boxes = [each for each in of_image if each.box is not None]
        without_box = {each.label for each in of_image} - {each.label for each in boxes}
        is_complete = image.pk in complete
        if not boxes and (not is_complete or without_box):
            tally["unusable"] += bool(without_box)
            continue
        tally["labels_without_box"] += bool(without_box)
        rows.append(_row(snapshot, image, boxes, is_complete=is_complete))
    return rows, tally


_UNSEEN = (FlagVerdict.HIDDEN, FlagVerdict.REMOVED)


def _said() -> QuerySet[Annotation]:
    return Annotation.objects.filter(state__in=SAID)


def _said_of(images: Iterable[Image], vocabulary: Vocabulary, labels: Mapping[str, str]) -> dict[UUID, list[_Said]]:
    """What was said of these labels, given by their titles in lower case."""
    rows = _said().filter(image__in=[image.pk for image in images]).order_by()
    found: dict[UUID, list[_Said]] = {}
    for image_id, name, state, *sides in rows.values_list("image", "label__name", "state", *_BOXES):
        word = vocabulary.word(name, PEOPLE)
        label = labels.get(word.key) if word else None
        if label is not None:
            box = None if None in sides else dict(zip(_BOXES, sides, strict=True))
            found.setdefault(image_id, []).append(_Said(label, state, box))
    return found


def _complete(images: Iterable[Image]) -> set[UUID]:
    """Those of which people said that nothing else is in them."""
    reviews = ReviewItem.objects.filter(image__in=[image.pk for image in images], completed_at__isnull=False)
    return set(reviews.values_list("image", flat=True))


def _row(snapshot: DatasetSnapshot, image: Image, boxes: list[_Said], *, is_complete: bool) -> DatasetImage:
    split = split_of(image.sha256, snapshot.salt, snapshot.validation_percent, snapshot.test_percent)
    annotations: list[dict[str, Any]] = [{"label": each.label, "box": each.box, "state": each.state} for each in boxes]
    annotations.sort(key=lambda each: (each["label"], *each["box"].values(), each["state"]))
    return DatasetImage(
        snapshot=snapshot,
        image=image,
        sha256=image.sha256,
        group_key=image.sha256,
        split=split,
        width=image.width or 0,
        height=image.height or 0,
        annotations=annotations,
        is_negative=not boxes,
        is_complete=is_complete,
    )
