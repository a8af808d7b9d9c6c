"""Predictions of a label that are too unsure to be shown."""

from __future__ import annotations

from django.db import transaction

from portal.moderation.deeds import Refused
from portal.moderation.models import VocabularyChange
from portal.moderation.vocabulary.changing import Kind, Wish, begin, found, record
from portal.moderation.vocabulary.edits import Edits


@transaction.atomic
def hide_below(wish: Wish, pk: int, percent: float | None) -> VocabularyChange:
    """Show predictions of a label from so many percent on; None: it has no threshold of its own."""
    if known := begin(wish):
        return known
    label = found(pk)
    if percent is not None and not 0 <= percent <= 100:
        raise Refused("no_percentage", "A threshold is a number from 0 to 100.", 400)
    done = f"Hid “{label}” below {percent:g} %" if percent is not None else f"Took away the threshold of “{label}”"
    return record(wish, Kind.THRESHOLD, done, Edits({pk: {"shown_from": percent}}))
