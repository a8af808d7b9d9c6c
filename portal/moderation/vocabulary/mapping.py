"""What a word means when one certain detector says it."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from portal.images.models import Label
from portal.moderation.deeds import Refused
from portal.moderation.models import VocabularyChange
from portal.moderation.vocabulary.changing import Kind, Wish, begin, record
from portal.moderation.vocabulary.edits import Edits


@transaction.atomic
def map_names(wish: Wish, names: Mapping[tuple[str, int], int | None]) -> VocabularyChange:
    """Say what labels mean by detector: {(detector, pk of what it says): pk of what is meant}; None: what it says."""
    if known := begin(wish):
        return known
    chosen = {place: None if meaning == place[1] else meaning for place, meaning in names.items()}
    wanted = {label for _, label in chosen} | {meaning for meaning in chosen.values() if meaning is not None}
    labels = Label.objects.in_bulk(list(wanted))
    if len(labels) < len(wanted) or not all(detector for detector, _ in chosen):
        raise Refused("no_such_label", "There is no such label.", 404)
    done = "; ".join(
        f"“{labels[label].name}” of {detector} means {f'“{labels[meaning]}”' if meaning is not None else 'itself'}"
        for (detector, label), meaning in chosen.items()
    )
    return record(wish, Kind.MAPPING, done, Edits(names=chosen))
