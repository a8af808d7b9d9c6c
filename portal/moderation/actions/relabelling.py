"""Relabel: it is something else."""

from __future__ import annotations

from portal.images.models import Label
from portal.moderation.actions.desk import Desk
from portal.moderation.actions.naming import label_named
from portal.moderation.actions.performing import perform
from portal.moderation.actions.targets import Subject, resolve, state_of, title_of
from portal.moderation.deeds import Deed, Target
from portal.moderation.models import AuditEntry, Verb


def relabel(deed: Deed, target: Target, label: str) -> AuditEntry:
    """Say that it is `label`, in the same place: a label of the vocabulary, or a new one. Raises Refused."""
    return perform(deed, Verb.RELABELLED, lambda desk: relabel_subject(desk, resolve(desk, target), label_named(label)))


def relabel_subject(desk: Desk, subject: Subject, label: Label) -> str:
    """Returns the old and the new title."""
    said = subject.said
    old, new = title_of(desk, said.label), title_of(desk, label)
    said.label = label
    said.state = state_of(desk, said)
    desk.decide(said)
    return f"{old} → {new}"
