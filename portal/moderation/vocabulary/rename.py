"""People read another word for a label; detectors go on saying theirs."""

from __future__ import annotations

from django.db import transaction

from portal.moderation.models import VocabularyChange
from portal.moderation.spelling import spelled
from portal.moderation.vocabulary.changing import Kind, Wish, begin, found, record
from portal.moderation.vocabulary.edits import Edits


@transaction.atomic
def rename(wish: Wish, pk: int, title: str) -> VocabularyChange:
    """Show the label as `title`; empty, as detectors say it. Raises Refused when that is another label’s word."""
    if known := begin(wish):
        return known
    label, title = found(pk), spelled(title) if title.strip() else ""
    shown = "" if title == label.name else title
    summary = f"Renamed “{label}” to “{title or label.name}”"
    return record(wish, Kind.RENAME, summary, Edits({pk: {"display_name": shown}}))
