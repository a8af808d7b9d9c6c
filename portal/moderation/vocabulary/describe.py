"""What belongs to a label: what it is a kind of, where it is listed, and by which other words it is found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from portal.moderation.deeds import Refused
from portal.moderation.models import VocabularyChange
from portal.moderation.vocabulary.changing import Kind, Wish, begin, found, record
from portal.moderation.vocabulary.edits import Edits

MOST_ALIASES = 50
MOST_LETTERS = 200


@transaction.atomic
def describe(wish: Wish, pk: int, *, parent: int | None, category: str, aliases: Iterable[str]) -> VocabularyChange:
    """Set all three. Raises Refused when the parent is a kind of the label, or an alias a word for another one."""
    if known := begin(wish):
        return known
    label = found(pk)
    if parent is not None:
        found(parent)
    values: dict[str, Any] = {
        "parent_id": parent,
        "category": " ".join(category.split()),
        "aliases": _clean(aliases, label.title),
    }
    return record(wish, Kind.DESCRIBE, f"Described “{label}”", Edits({pk: values}))


def _clean(aliases: Iterable[str], title: str) -> list[str]:
    """Trimmed, each once whatever its case, and without the title itself."""
    once: dict[str, str] = {}
    for alias in (" ".join(alias.split()) for alias in aliases):
        once.setdefault(alias.lower(), alias)
    for word in ("", title.lower()):
        once.pop(word, None)
    if len(once) > MOST_ALIASES or any(len(alias) > MOST_LETTERS for alias in once):
        raise Refused("too_long", f"At most {MOST_ALIASES} aliases, of at most {MOST_LETTERS} letters each.", 400)
    return list(once.values())
