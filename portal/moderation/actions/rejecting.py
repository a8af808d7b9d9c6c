"""Reject: what is said of the image is wrong."""

from __future__ import annotations

from portal.images.models import LabelState
from portal.moderation.actions.desk import Desk
from portal.moderation.actions.performing import perform
from portal.moderation.actions.targets import Subject, key_of, meant, place, resolve, title_of, word_on
from portal.moderation.deeds import Deed, Target
from portal.moderation.models import AuditEntry, Verb
from portal.moderation.understanding import box_of


def reject(deed: Deed, target: Target) -> AuditEntry:
    """Say that a prediction, or what a person said, is wrong. What was predicted there then is wrong, too.

    A label of the whole image is refused for all detectors, with all of its boxes that nobody approved. Raises Refused.
    """
    return perform(deed, Verb.REJECTED, lambda desk: reject_subject(desk, resolve(desk, target)))


def reject_subject(desk: Desk, subject: Subject) -> str:
    """Returns the label's title."""
    said, found = subject.said, subject.found
    title = title_of(desk, said.label)
    if said.predicted_label is not None:
        said.label = meant(desk, said.predicted_label, said.detector)
    box = box_of(said, "predicted_")
    if box is not None:
        place(said, box)
    said.state = LabelState.REJECTED
    desk.decide(said)
    if found is not None and title_of(desk, said.label).lower() != key_of(desk, found):
        # People had put it in the place of something else, which stays refused.
        other = word_on(desk, found)
        other.state = LabelState.REJECTED
        desk.decide(other)
    return title
