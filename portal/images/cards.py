"""What a card of the history shows of an image: its surest labels and how much text was found."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models.fields.json import KT
from django.urls import reverse

from portal.images.models import CurrentLabel, Image, LabelState, Recognition, Status
from portal.images.waiting import is_held, waiting_words

_LABELS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Card:
    """An image with the names of its surest labels, surest first, and the number of lines of text found in it.

    `waiting` says why it is not recognised yet; empty when that takes a moment only.
    """

    image: Image
    labels: tuple[str, ...] = ()
    lines: int = 0
    waiting: str = ""

    @property
    def is_held(self) -> bool:
        return is_held(self.image)

    @property
    def shows_picture(self) -> bool:
        """Whether its thumbnail is there and may be shown to whoever did not ask for it."""
        return self.image.has_picture and not self.image.is_hidden and not self.image.is_flagged

    @property
    def summary(self) -> str:
        """`Dog, Person · 2 lines of text`; empty as long as nothing is known."""
        if self.image.status != Status.RECOGNIZED:
            return ""
        text = "" if not self.lines else f"{self.lines} {'line' if self.lines == 1 else 'lines'} of text"
        return " · ".join(part for part in (", ".join(self.labels), text) if part)

    def as_json(self) -> dict[str, Any]:
        """What the pages that wait for an image are told of it."""
        image = self.image
        failed = image.status == Status.FAILED
        return {
            "id": str(image.id),
            "status": image.status,
            "page": image.get_absolute_url(),
            "thumbnail": reverse("images:thumbnail", args=[image.id]) if self.shows_picture else None,
            "summary": self.summary,
            "waiting": self.waiting,
            "held": self.is_held,
            "failure": {"code": image.failure_code, "message": image.failure_message} if failed else None,
        }


def cards(images: Sequence[Image], confidence: float) -> list[Card]:
    """A card for each image, labels and lines below `confidence` percent left out. A few queries for all of them."""
    recognitions = [image.current_id for image in images if image.current_id is not None]
    labels = _surest_labels([image.pk for image in images], confidence)
    lines = _line_counts(recognitions, confidence)
    waiting = waiting_words(images)
    return [
        Card(image, labels.get(image.pk, ()), lines.get(image.current_id, 0), waiting.get(image.pk, ""))
        for image in images
    ]


def _surest_labels(images: Sequence[UUID], confidence: float) -> dict[UUID, tuple[str, ...]]:
    """What people said comes first."""
    rows = (
        CurrentLabel.objects.filter(image__in=images, surest_of_name=True, confidence__gte=confidence)
        .order_by("-confidence", "title")
        .values_list("image_id", "title", "state")
    )
    names: defaultdict[UUID, list[str]] = defaultdict(list)
    for image, title, _ in sorted(rows, key=lambda row: row[2] == LabelState.PREDICTED):
        names[image].append(title)
    return {image: tuple(found[:_LABELS_SHOWN]) for image, found in names.items()}


def _line_counts(recognitions: Iterable[int], confidence: float) -> dict[int | None, int]:
    """The text alone is taken out of the documents: whole, they may be hundreds of kilobytes each."""
    rows = Recognition.objects.filter(pk__in=recognitions).values_list("pk", KT("document__text"))
    return {pk: _count_lines(json.loads(text or "[]"), confidence) for pk, text in rows}


def _count_lines(texts: list[dict[str, Any]], confidence: float) -> int:
    return sum(1 for text in texts if text["kind"] == "line" and text["confidence"] >= confidence)
