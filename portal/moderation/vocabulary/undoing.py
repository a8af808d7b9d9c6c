"""A change taken back: the reverse change, which images follow in the same way."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from portal.moderation.deeds import Refused
from portal.moderation.models import VocabularyChange
from portal.moderation.vocabulary.changing import CHANGE_FLAGS, CHANGE_WORDS, Kind, Wish, begin, record
from portal.moderation.vocabulary.edits import Edits


@transaction.atomic
def undo(wish: Wish, change_id: UUID) -> VocabularyChange:
    """Bring back what a change has changed. Raises Refused when that was changed again since."""
    # Before the vocabulary: a chunk of images that follows it holds it, and then waits for decisions on them.
    change = VocabularyChange.objects.select_for_update().filter(pk=change_id).first()
    if change is None:
        raise Refused("no_such_change", "There is no such change.", 404)
    if known := begin(wish, CHANGE_FLAGS if change.kind == Kind.FLAGS else CHANGE_WORDS):
        return known
    if change.undone_by_id is not None:
        raise Refused("undone_already", "This was undone already.", 409)
    done = Edits.of(change.after)
    if done.present() != done:
        raise Refused("changed_since", "This was changed again since. Undo the later change first.", 409)
    follow = frozenset(change.labels.values_list("pk", flat=True))
    undoing = record(wish, Kind(change.kind), f"Undid: {change.summary}", Edits.of(change.before), follow)
    change.undone_by = undoing
    # The images follow the newer change, and none is left to follow this one.
    change.finished_at = change.finished_at or timezone.now()
    change.save(update_fields=["undone_by", "finished_at"])
    return undoing
