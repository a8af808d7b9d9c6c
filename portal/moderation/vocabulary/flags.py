"""From which confidence on the content flags of a category hide a photo."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from portal.moderation.deeds import Refused
from portal.moderation.models import VocabularyChange
from portal.moderation.vocabulary.changing import CHANGE_FLAGS, Kind, Wish, begin, record
from portal.moderation.vocabulary.edits import Edits


@transaction.atomic
def set_thresholds(wish: Wish, percents: Mapping[str, float | None]) -> VocabularyChange:
    """Let flags of these categories hide photos from so many percent on; None: from CONTENT_FLAG_CONFIDENCE on."""
    if known := begin(wish, CHANGE_FLAGS):
        return known
    if not all(percent is None or 0 <= percent <= 100 for percent in percents.values()):
        raise Refused("no_percentage", "A threshold is a number from 0 to 100.", 400)
    done = "; ".join(
        f"“{category}” hides photos from {f'{percent:g} %' if percent is not None else 'the usual confidence'} on"
        for category, percent in percents.items()
    )
    return record(wish, Kind.FLAGS, done, Edits(flags=dict(percents)))
