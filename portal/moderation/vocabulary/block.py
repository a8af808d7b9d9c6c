"""Labels that are shown nowhere, whoever says them."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from portal.moderation.models import VocabularyChange
from portal.moderation.vocabulary.changing import Kind, Wish, begin, found, record
from portal.moderation.vocabulary.edits import Edits


def block(wish: Wish, pks: Iterable[int]) -> VocabularyChange:
    """Show these labels nowhere from now on. Raises Refused when all of them are blocked already."""
    return _set(wish, pks, True)


def unblock(wish: Wish, pks: Iterable[int]) -> VocabularyChange:
    """Show these labels again. Raises Refused when none of them is blocked."""
    return _set(wish, pks, False)


@transaction.atomic
def _set(wish: Wish, pks: Iterable[int], blocked: bool) -> VocabularyChange:
    if known := begin(wish):
        return known
    labels = [label for label in map(found, dict.fromkeys(pks)) if label.blocked != blocked]
    names = ", ".join(f"“{label}”" for label in labels)
    edits = Edits({label.pk: {"blocked": blocked} for label in labels})
    return record(wish, Kind.BLOCK, f"{'Blocked' if blocked else 'Unblocked'} {names}", edits)
