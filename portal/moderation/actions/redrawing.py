"""Redraw: it is there, but its box is another."""

from __future__ import annotations

from portal.moderation.actions.desk import Desk
from portal.moderation.actions.performing import perform
from portal.moderation.actions.targets import place, resolve, state_of, title_of
from portal.moderation.deeds import Deed, Refused, Target
from portal.moderation.models import AuditEntry, Verb
from portal.moderation.understanding import box_of
from recognition.result import Box


def redraw(deed: Deed, target: Target, box: Box) -> AuditEntry:
    """Move or resize a box, to `box` in fractions of the upright image. Raises Refused where there is none."""

    def change(desk: Desk) -> str:
        said = resolve(desk, target).said
        if box_of(said) is None:
            raise Refused("no_box", "This is said of the whole photo: draw a new box instead.", 400)
        place(said, box)
        said.state = state_of(desk, said)
        desk.decide(said)
        return title_of(desk, said.label)

    return perform(deed, Verb.REDRAWN, change)
