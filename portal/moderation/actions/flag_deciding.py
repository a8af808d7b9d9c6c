"""Decide on a content flag: allow the photo, hide it, or remove it for good."""

from __future__ import annotations

from typing import Any, Final

from portal.images.deletion import owe_files
from portal.images.models import FlagVerdict, Hold, Image, Status
from portal.images.signals import image_settled, images_deleting
from portal.images.tasks import erase_soon
from portal.moderation.actions.desk import Desk
from portal.moderation.actions.performing import perform
from portal.moderation.deeds import Deed, Refused
from portal.moderation.models import AuditEntry, ReviewItem, Verb

REMOVED: Final = "removed"
_REMOVED_MESSAGE: Final = "A moderator removed this photo."


def decide_flag(deed: Deed, verdict: str) -> AuditEntry:
    """Let the photo be shown, show its pictures to nobody, or have its files erased: that cannot be undone.

    Raises Refused.
    """

    def change(desk: Desk) -> str:
        if verdict not in FlagVerdict.values or verdict == FlagVerdict.NONE:
            raise Refused("unknown_verdict", "A photo can be allowed, hidden or removed.", 400)
        set_verdict(desk, FlagVerdict(verdict))
        if verdict == FlagVerdict.REMOVED:
            _remove(desk.image)
        return str(FlagVerdict(verdict).label)

    return perform(deed, Verb.FLAG_DECIDED, change)


def set_verdict(desk: Desk, verdict: FlagVerdict) -> None:
    """Store and tell it."""
    desk.note("verdict", str(desk.image.verdict), str(verdict))
    desk.image.verdict = verdict
    Image.objects.filter(pk=desk.image.pk).update(verdict=verdict)


def _remove(image: Image) -> None:
    owe_files([image])
    images_deleting.send(Image, ids=[image.pk], receipt=None)
    changes: dict[str, Any] = {
        "status": Status.FAILED,
        "failure_code": REMOVED,
        "failure_message": _REMOVED_MESSAGE,
        "failure_permanent": True,
        "claim": None,
        "claimed_by": "",
        "claimed_until": None,
        "not_before": None,
        "hold": Hold.NONE,
    }
    Image.objects.filter(pk=image.pk).update(**changes)
    for name, value in changes.items():
        setattr(image, name, value)
    ReviewItem.objects.filter(pk=image.pk).delete()
    erase_soon()
    image_settled.send(Image, image=image)
