"""Several labels become one. What detectors said keeps its words; people see the one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from portal.images.models import Label
from portal.moderation.deeds import Refused
from portal.moderation.models import VocabularyChange
from portal.moderation.vocabulary.changing import Kind, Wish, begin, found, record
from portal.moderation.vocabulary.edits import Edits


@transaction.atomic
def merge(wish: Wish, sources: Iterable[int], target: int) -> VocabularyChange:
    """Merge the labels `sources` into `target` (pks). Raises Refused, for one that is merged already among others."""
    if known := begin(wish):
        return known
    into = found(target)
    merged = [found(pk) for pk in dict.fromkeys(sources) if pk != target]
    if not merged:
        raise Refused("nothing_to_merge", "Choose at least two different labels.", 400)
    for label in (into, *merged):
        if label.merged_into is not None:
            raise Refused("merged_already", f"“{label}” is merged into “{label.merged_into}” already.", 409)
    edits: dict[int, dict[str, Any]] = {label.pk: {"merged_into_id": target} for label in merged}
    if _is_below(into, {label.pk for label in merged}):
        # It would be its own parent.
        edits[target] = {"parent_id": None}
    names = ", ".join(f"“{label}”" for label in merged)
    return record(wish, Kind.MERGE, f"Merged {names} into “{into}”", Edits(edits))


def _is_below(label: Label, above: set[int]) -> bool:
    seen: set[int] = set()
    parent = label.parent
    while parent is not None and parent.pk not in seen:
        if parent.pk in above:
            return True
        seen.add(parent.pk)
        parent = parent.merged_into or parent.parent
    return False
