"""Bringing up to date what is derived from predictions, decisions and vocabulary: whenever any of them has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

from portal.images.models import CurrentLabel, FlagVerdict, Image, LabelState
from portal.moderation.flagging import flag_limits, warning_flags
from portal.moderation.loading import annotations_of
from portal.moderation.models import ReviewItem
from portal.moderation.scoring import commonness, rate, sample_order
from portal.moderation.truth import TrueLabel, Truth
from portal.moderation.weighing import truth_of
from portal.moderation.words import Vocabulary
from recognition.result import Result

# What SQLite takes at once everywhere are 999 values.
_STORED_AT_ONCE = 300
_LISTED = (
    *("image_id", "name", "title", "detector", "confidence", "state"),
    *("surest_of_name", "surest_of_detector"),
)
_RATED = ("uncertainty", "disagreement", "rarity", "score", "flagged", "shared")


@dataclass(frozen=True, slots=True)
class _Known:
    """An image with what it is derived from, and what was derived."""

    image: Image
    result: Result | None
    truth: Truth
    review: ReviewItem | None


def bring_up_to_date(images: Sequence[Image]) -> None:
    """Derive the labels, search text, flags and places in the queue of these images anew.

    Call it in the transaction that changes something, with the images locked, freshly read, and `current` loaded. The
    number of statements does not depend on that of the images, except that a database may take an insert in parts.
    """
    before = [(image.search_text, image.flagged) for image in images]
    derive(images)
    _store([image for image, was in zip(images, before, strict=True) if was != (image.search_text, image.flagged)])


def derive(images: Sequence[Image]) -> None:
    """As `bring_up_to_date`, but `search_text` and `flagged` are only set on the images: the caller stores them."""
    known = _known(images)
    limits = _limits(known)
    for each in known:
        flags = each.result.moderation_labels if each.result else ()
        each.image.flagged = bool(warning_flags(flags, limits))
        each.image.search_text = _search_text(each)
    _list_labels(known)
    _queue([each for each in known if each.image.current and each.image.verdict != FlagVerdict.REMOVED])


def _known(images: Sequence[Image]) -> list[_Known]:
    vocabulary = Vocabulary.load()
    ids = [image.pk for image in images]
    decided = annotations_of(ids)
    reviews = ReviewItem.objects.only("completed_at", "suggested", *_RATED).in_bulk(ids)
    known = []
    for image in images:
        review = reviews.get(image.pk)
        result, truth = None, Truth()
        # What was removed has nothing any more that it could be found by.
        if image.verdict != FlagVerdict.REMOVED:
            result = image.current.result if image.current else None
            completed = review is not None and review.completed_at is not None
            truth = truth_of(result, decided[image.pk], vocabulary, completed)
        known.append(_Known(image, result, truth, review))
    return known


# Flags ---------------------------------------------------------------------------------------------------------------


def _limits(known: Sequence[_Known]) -> dict[str, float]:
    if not any(each.result and each.result.moderation_labels for each in known):
        return {}
    return flag_limits()


# Finding -------------------------------------------------------------------------------------------------------------


def _search_text(known: _Known) -> str:
    """Lower-case words to search: the file's name, text found, and labels with parents, aliases and categories.

    Only what is shown by default: a search for "dog" should not find what is a dog with 21 %.
    """
    words = [known.image.filename]
    for label in known.truth.labels:
        if label.by_people or label.confidence >= settings.SHOWN_CONFIDENCE:
            words += (label.name, *label.parents, *label.aliases, *label.categories)
    text = known.result.text if known.result else ()
    words += [each.text for each in text if each.confidence >= settings.SHOWN_CONFIDENCE]
    return "\n".join(dict.fromkeys(word.lower() for word in words))


def _list_labels(known: Sequence[_Known]) -> None:
    """Let the history find the images by these labels, and by no others. Only rows that differ are written."""
    images = {each.image.pk: each.image for each in known}
    wanted = {row for each in known for row in _rows(each.image, each.truth)}
    stale = []
    for pk, *values in CurrentLabel.objects.filter(image__in=images).order_by().values_list("pk", *_LISTED):
        row = tuple(values)
        if row in wanted:
            wanted.discard(row)
        else:
            stale.append(pk)
    if stale:
        CurrentLabel.objects.filter(pk__in=stale).delete()
    CurrentLabel.objects.bulk_create(_listed(images[row[0]], row) for row in wanted)


def _listed(image: Image, row: tuple[Any, ...]) -> CurrentLabel:
    values = dict(zip(_LISTED, row, strict=True))
    return CurrentLabel(owner_id=image.owner_id, created_at=image.created_at, **values)


def _rows(image: Image, truth: Truth) -> list[tuple[Any, ...]]:
    """Values of _LISTED."""
    names, detectors = set[str](), set[str]()
    rows = []
    # In falling order the first of a name, or of a detector, is the surest.
    for label in sorted(truth.labels, key=lambda label: (-label.confidence, not label.by_people)):
        name, detector = label.name.lower(), label.detector
        said = (name, label.name, detector, float(label.confidence), label.state.value)
        surest = (name not in names, detector not in detectors)
        rows.append((image.pk, *said, *surest))
        names.add(name)
        detectors.add(detector)
    return rows


def _store(images: Sequence[Image]) -> None:
    """Write what was derived into the images' own rows. (bulk_update takes most of a second for a thousand of them.)"""
    derived = [field for field in Image._meta.concrete_fields if field.name in ("search_text", "flagged")]
    fields = [*derived, Image._meta.pk]
    columns = ", ".join(f"{field.column} = fresh.column{number}" for number, field in enumerate(derived, 1))
    place = ", ".join(f"CAST(%s AS {field.db_type(connection)})" for field in fields)
    for start in range(0, len(images), _STORED_AT_ONCE):
        batch = images[start : start + _STORED_AT_ONCE]
        values = [f.get_db_prep_save(getattr(image, f.attname), connection) for image in batch for f in fields]
        # Names of our own table and columns, and places for the values.
        statement = (
            f"UPDATE {Image._meta.db_table} SET {columns} "  # noqa: S608
            f"FROM (VALUES {', '.join([f'({place})'] * len(batch))}) AS fresh WHERE id = fresh.column{len(fields)}"
        )
        with connection.cursor() as cursor:
            cursor.execute(statement, values)


# The queue -----------------------------------------------------------------------------------------------------------


def _queue(known: Sequence[_Known]) -> None:
    """Give each image its place. What people did there (leases, completion, suggestions) stays as it is.

    Only what differs is written.
    """
    counts = commonness(
        {label.name.lower() for each in known for label in each.truth.labels if _is_open(label)} if known else ()
    )
    items = [(each.review, _item(each, counts)) for each in known]
    ReviewItem.objects.bulk_create(
        [item for before, item in items if before is None or _rating_of(before) != _rating_of(item)],
        update_conflicts=True,
        unique_fields=["image"],
        update_fields=_RATED,
    )


def _rating_of(item: ReviewItem) -> tuple[Any, ...]:
    return tuple(getattr(item, field) for field in _RATED)


def _is_open(label: TrueLabel) -> bool:
    return label.state == LabelState.PREDICTED


def _item(known: _Known, counts: Mapping[str, int]) -> ReviewItem:
    image = known.image
    rating = rate(known.truth, counts, suggested=known.review is not None and known.review.suggested)
    return ReviewItem(
        image=image,
        owner_id=image.owner_id,
        created_at=image.created_at,
        uncertainty=rating.uncertainty,
        disagreement=rating.disagreement,
        rarity=rating.rarity,
        score=rating.score,
        sample_order=sample_order(image.pk),
        flagged=image.flagged and image.verdict == FlagVerdict.NONE,
        shared=image.shared,
    )
