"""Add: something is in the image that no detector has found."""

from __future__ import annotations

from portal.images.models import LabelState
from portal.moderation.actions.desk import Desk
from portal.moderation.actions.naming import label_named
from portal.moderation.actions.performing import perform
from portal.moderation.actions.targets import place, said_of_whole, says, state_of, title_of
from portal.moderation.deeds import Deed
from portal.moderation.models import Annotation, AuditEntry, Verb
from recognition.result import Box


def add(deed: Deed, label: str, box: Box | None) -> AuditEntry:
    """Say that `label` is in the image: in a box (fractions of the upright image), or without one as a whole.

    Raises Refused.
    """

    def change(desk: Desk) -> str:
        named = label_named(label)
        title = title_of(desk, named)
        said = said_of_whole(desk, title.lower()) if box is None else None
        if said is None or (said.state != LabelState.REJECTED and not says(desk, said, title.lower())):
            said = Annotation(image=desk.image, label=named)
        if box is not None:
            place(said, box)
        said.state = state_of(desk, said)
        desk.decide(said)
        return title

    return perform(deed, Verb.ADDED, change)
