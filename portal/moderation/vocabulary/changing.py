"""What all changes of the vocabulary have in common: leave, one at a time, the record, and the images that follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection

from portal.accounts.models import User
from portal.images.models import Label
from portal.moderation.deeds import Refused
from portal.moderation.models import Annotation, AuditEntry, Verb, VocabularyChange
from portal.moderation.tasks import follow_soon
from portal.moderation.vocabulary.edits import Edits
from portal.moderation.vocabulary.rules import dependents, meanings, refuse_clashes, refuse_rings

Kind = VocabularyChange.Kind

ADD_WORDS: Final = "images.add_label"
CHANGE_WORDS: Final = "images.change_label"
CHANGE_FLAGS: Final = "moderation.change_contentthreshold"


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody wants a change. Whoever asks makes the id: the same one again is the same change, made once."""

    id: UUID
    actor: User


def begin(wish: Wish, permission: str = CHANGE_WORDS) -> VocabularyChange | None:
    """Let nobody else change the vocabulary until the transaction ends. Returns the change if it was made already.

    Results and decisions that are being recorded are waited for, as they go by the vocabulary of before: then they are
    among the images that follow. New ones wait for the change. Raises Refused when the actor may not.
    """
    if not wish.actor.has_perm(permission):
        raise Refused("forbidden", "You may not change the vocabulary.", 403)
    # On SQLite there is one writer anyway. Who locks images does so before, and who changes words never.
    if connection.vendor == "postgresql":
        tables = f"{Label._meta.db_table}, {Annotation._meta.db_table}"
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE")
    return VocabularyChange.objects.filter(pk=wish.id).first()


def record(
    wish: Wish, kind: Kind, summary: str, edits: Edits, follow: frozenset[int] = frozenset()
) -> VocabularyChange:
    """Make the change, write it down, and have the images follow: those with a label of the edits or of `follow`.

    Call it in a transaction, after `begin`. Raises Refused when nothing would change, or a rule would be broken.
    """
    before = edits.present()
    if before == edits:
        raise Refused("unchanged", "This is how it is already: nothing was changed.", 409)
    words = meanings() if edits.labels else {}
    touched = {*edits.labels, *(label for _, label in edits.names)}
    children = kind is not Kind.THRESHOLD
    affected = dependents(touched | follow, children=children)
    edits.write()
    if edits.labels:
        refuse_clashes(words)
        refuse_rings(edits.labels)
    affected |= dependents(touched | follow, children=children)
    change = VocabularyChange.objects.create(
        pk=wish.id,
        kind=kind,
        summary=summary[:300],
        before=before.document(),
        after=edits.document(),
        made_by=wish.actor,
    )
    change.labels.set(affected)
    _write_down(wish, change)
    follow_soon(change)
    return change


def _write_down(wish: Wish, change: VocabularyChange) -> None:
    AuditEntry.objects.create(
        pk=wish.id,
        actor=wish.actor,
        actor_name=wish.actor.username,
        verb=Verb.VOCABULARY,
        subject=change.summary[:200],
        before=change.before,
        after=change.after,
    )


def found(pk: int) -> Label:
    """The label with this pk. Raises Refused when there is none."""
    label = Label.objects.filter(pk=pk).first()
    if label is None:
        raise Refused("no_such_label", "There is no such label.", 404)
    return label
