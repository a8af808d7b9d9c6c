"""Asking for a new version of a dataset, and the record of whoever takes one away."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import Max

from portal.accounts.models import User
from portal.finetuning.models import DatasetSnapshot
from portal.moderation.models import AuditEntry, Verb

_TRIES = 5
# Who exports from the command line.
OPERATOR = "the command line"


def begin(snapshot: DatasetSnapshot, author: User | None) -> DatasetSnapshot:
    """Store what was asked for as the next version of its name, to be built."""
    snapshot.author = author
    snapshot.author_name = author.username if author else OPERATOR
    for tried in range(1, _TRIES + 1):
        versions = DatasetSnapshot.objects.filter(name=snapshot.name)
        snapshot.version = (versions.aggregate(last=Max("version"))["last"] or 0) + 1
        try:
            with transaction.atomic():
                snapshot.save(force_insert=True)
                return snapshot
        except IntegrityError:  # somebody else has made that version just now
            if tried == _TRIES:
                raise
    return snapshot


def record_export(snapshot: DatasetSnapshot, actor: User | None, what: str) -> None:
    """Write into the audit log that somebody takes a dataset away."""
    AuditEntry.objects.create(
        actor=actor,
        actor_name=actor.username if actor else OPERATOR,
        verb=Verb.EXPORTED,
        subject=str(snapshot)[:200],
        after={"dataset": str(snapshot.pk), "what": what},
    )
