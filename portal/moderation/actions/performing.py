"""What all deeds have in common: one transaction with the image locked, permission, one row of the audit log."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.db import transaction

from portal.accounts.models import User
from portal.images.models import FlagVerdict
from portal.moderation.access import REVIEW, may_see
from portal.moderation.actions.desk import Desk, desks, locked, store
from portal.moderation.deeds import Deed, Refused
from portal.moderation.models import AuditEntry, Verb

_LONGEST_SUBJECT = 200


@transaction.atomic
def perform(deed: Deed, verb: Verb, change: Callable[[Desk], str]) -> AuditEntry:
    """Do one deed: `change` changes what is on the desk, and returns in words what it was about.

    The same deed again returns the entry of the first time. Raises Refused, and then nothing is changed.
    """
    refuse_strangers(deed.actor)
    images = locked([deed.image_id])
    # The image is locked first: whoever asks the same at the same time waits here, and finds what was done.
    known = done_before(deed.id, deed.actor, verb, deed.image_id)
    if known is not None:
        return known
    if not images or not may_see(deed.actor, images[0]):
        raise Refused("not_found", "There is no such image, or you may not see it.", 404)
    if images[0].verdict == FlagVerdict.REMOVED:
        raise Refused("removed", "This photo was removed: there is nothing to decide any more.", 410)
    desk = desks(images, deed.actor)[0]
    subject = change(desk)
    store([desk])
    entry = entry_of(deed.id, desk, verb, subject, deed.batch)
    entry.save(force_insert=True)
    return entry


def refuse_strangers(actor: User) -> None:
    """Raise Refused for people who may not review images."""
    if not actor.has_perm(REVIEW):
        raise Refused("forbidden", "You may not review images.", 403)


def done_before(deed_id: UUID, actor: User, verb: Verb, image_id: UUID) -> AuditEntry | None:
    """The entry of the same deed. Raises Refused when its id is that of another one."""
    entry = AuditEntry.objects.filter(pk=deed_id).first()
    if entry is not None and (entry.actor_id, entry.verb, entry.image_uuid) != (actor.pk, verb, image_id):
        raise Refused("id_taken", "Something else was done under this id already. Load the page again.", 409)
    return entry


def entry_of(entry_id: UUID, desk: Desk, verb: Verb, subject: str, batch: UUID | None) -> AuditEntry:
    """The row of the audit log that tells of what was changed on the desk."""
    return AuditEntry(
        id=entry_id,
        at=desk.now,
        actor=desk.actor,
        actor_name=desk.actor.username,
        verb=verb,
        image=desk.image,
        image_uuid=desk.image.pk,
        subject=subject[:_LONGEST_SUBJECT],
        before=desk.before,
        after=desk.after,
        batch=batch,
    )
