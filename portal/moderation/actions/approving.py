"""Approve: what is said of the image is right."""

from __future__ import annotations

from portal.images.models import LabelState
from portal.moderation.actions.desk import Desk
from portal.moderation.actions.performing import perform
from portal.moderation.actions.targets import Subject, key_of, meant, place, resolve, says, state_of, title_of
from portal.moderation.deeds import Deed, Target
from portal.moderation.models import AuditEntry, Verb


def approve(deed: Deed, target: Target) -> AuditEntry:
    """Say that a prediction is right; of what a person said, that it is still so. Raises Refused."""
    return perform(deed, Verb.APPROVED, lambda desk: approve_subject(desk, resolve(desk, target)))


def approve_subject(desk: Desk, subject: Subject) -> str:
    """Returns the label's title."""
    said, found = subject.said, subject.found
    if found is not None and not says(desk, said, key_of(desk, found)):
        # The prediction is right, whatever people said instead.
        said.label = meant(desk, found.label, found.prediction.detector)
        if found.prediction.box is not None:
            place(said, found.prediction.box)
        said.state = state_of(desk, said)
    elif said.state == LabelState.REJECTED:
        said.state = state_of(desk, said)
    desk.decide(said)
    return title_of(desk, said.label)
