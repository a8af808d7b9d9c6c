"""What a card of the history shows of an image: its surest labels and how much text was found."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models.fields.json import KT
from django.urls import reverse

from portal.images.models import DetectedLabel, Image, Recognition, Status
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
            "thumbnail": reverse("images:thumbnail", args=[image.id]) if image.has_picture else None,
            "summary": self.summary,
            "waiting": self.waiting,
            "held": self.is_held,
            "failure": {"code": image.failure_code, "message": image.failure_message} if failed else None,
        }


def cards(images: Sequence[Image], confidence: float) -> list[Card]:
    """A card for each image, labels and lines below `confidence` percent left out. A few queries for all of them."""
    recognitions = [image.current_id for image in images if image.current_id is not None]
    labels = _surest_labels(recognitions, confidence)
    lines = _line_counts(recognitions, confidence)
    waiting = waiting_words(images)
    return [
        Card(image, labels.get(image.current_id, ()), lines.get(image.current_id, 0), waiting.get(image.pk, ""))
        for image in images
    ]


def _surest_labels(recognitions: Iterable[int], confidence: float) -> dict[int | None, tuple[str, ...]]:
    rows = (
        DetectedLabel.objects.filter(recognition__in=recognitions, confidence__gte=confidence)
        .order_by("-confidence", "label__name")
        .values_list("recognition_id", "label__name")
    )
    names: defaultdict[int | None, dict[str, None]] = defaultdict(dict)
    for recognition, name in rows:
        names[recognition][name] = None
    return {recognition: tuple(found)[:_LABELS_SHOWN] for recognition, found in names.items()}


def _line_counts(recognitions: Iterable[int], confidence: float) -> dict[int | None, int]:
    """The text alone is taken out of the documents: whole, they may be hundreds of kilobytes each."""
    rows = Recognition.objects.filter(pk__in=recognitions).values_list("pk", KT("document__text"))
    return {pk: _count_lines(json.loads(text or "[]"), confidence) for pk, text in rows}


def _count_lines(texts: list[dict[str, Any]], confidence: float) -> int:
    return sum(1 for text in texts if text["kind"] == "line" and text["confidence"] >= confidence)
