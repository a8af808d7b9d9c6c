"""What moderators do: one verb in one file, each with its permission, its change and its row in the audit log."""

from portal.moderation.actions.adding import add
from portal.moderation.actions.approving import approve
from portal.moderation.actions.bulk import BulkOutcome, in_bulk
from portal.moderation.actions.completing import complete, reopen
from portal.moderation.actions.flag_deciding import decide_flag
from portal.moderation.actions.redrawing import redraw
from portal.moderation.actions.rejecting import reject
from portal.moderation.actions.relabelling import relabel
from portal.moderation.actions.undoing import undo, undo_batch

__all__ = [
    "BulkOutcome",
    "add",
    "approve",
    "complete",
    "decide_flag",
    "in_bulk",
    "redraw",
    "reject",
    "relabel",
    "reopen",
    "undo",
    "undo_batch",
]
