"""Undo: what one deed, or one batch of them, changed is brought back, unless something later stands on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import transaction

from portal.accounts.models import User
from portal.images.models import FlagVerdict
from portal.moderation.access import may_see, visible_images
from portal.moderation.actions.completing import completion, set_completed
from portal.moderation.actions.desk import Desk, desks, locked, store
from portal.moderation.actions.flag_deciding import set_verdict
from portal.moderation.actions.performing import done_before, entry_of, refuse_strangers
from portal.moderation.actions.snapshots import Snapshot, is_same, put_together
from portal.moderation.deeds import Refused
from portal.moderation.models import AuditEntry, ReviewItem, Suggestion, Verb

_UNDOABLE: Final = tuple(verb for verb in Verb.values if verb not in (Verb.LOOKED, Verb.VOCABULARY, Verb.EXPORTED))


@transaction.atomic
def undo(deed_id: UUID, actor: User, entry_id: UUID) -> AuditEntry:
    """Bring back what was before a deed; of an undo, do it again. Returns the entry that undid it, whoever did.

    One's own deeds can be undone even where the image is not visible any more. Raises Refused: `decided_since` when
    somebody decided on the same since.
    """
    refuse_strangers(actor)
    entry = AuditEntry.objects.filter(pk=entry_id, verb__in=_UNDOABLE, image__isnull=False).first()
    images = locked([entry.image_id]) if entry is not None and entry.image_id else []
    if entry is None or not images or not (entry.actor_id == actor.pk or may_see(actor, images[0])):
        raise Refused("not_found", "There is nothing to undo, or you may not see it.", 404)
    known = done_before(deed_id, actor, Verb.UNDONE, images[0].pk)
    # Read again: somebody may have undone it before the image was locked.
    entry.refresh_from_db()
    before = known or entry.undone_by
    if before is not None:
        return before
    desk = desks(images, actor)[0]
    _take_back(desk, entry, _living([entry]))
    return _stored([(desk, entry)], {entry.pk: deed_id}, None)[0]


@transaction.atomic
def undo_batch(deed_id: UUID, actor: User, batch_id: UUID) -> int:
    """Undo all that was done in one go. Returns of how many images; those on which somebody decided since stay.

    The same deed again returns the same. The undoing is a batch by the name of `deed_id` itself. Raises Refused.
    """
    refuse_strangers(actor)
    entries = list(AuditEntry.objects.filter(batch=batch_id, verb__in=_UNDOABLE, image__isnull=False))
    if not entries:
        raise Refused("not_found", "There is nothing to undo.", 404)
    images = locked([entry.image_id for entry in entries if entry.image_id])
    known = AuditEntry.objects.filter(batch=deed_id, verb=Verb.UNDONE, actor=actor).count()
    if known:
        return known
    entries = _open(entries, actor)
    at_hand = {desk.image.pk: desk for desk in desks(images, actor)}
    living = _living(entries)
    undone = []
    for entry in entries:
        desk = at_hand.get(entry.image_uuid) if entry.image_uuid else None
        if desk is not None and _can_take_back(desk, entry):
            _bring_back(desk, entry, living)
            undone.append((desk, entry))
    return len(_stored(undone, {entry.pk: uuid5(deed_id, entry.pk.hex) for entry in entries}, deed_id))


def _open(entries: Sequence[AuditEntry], actor: User) -> list[AuditEntry]:
    """Those that nobody has undone yet, and that `actor` may undo."""
    still = AuditEntry.objects.filter(pk__in=[entry.pk for entry in entries], undone_by=None).order_by("image_uuid")
    seen = set(
        visible_images(actor).filter(pk__in=[entry.image_uuid for entry in entries]).values_list("pk", flat=True)
    )
    return [entry for entry in still if entry.actor_id == actor.pk or entry.image_uuid in seen]


def _stored(undone: Sequence[tuple[Desk, AuditEntry]], names: dict[UUID, UUID], batch: UUID | None) -> list[AuditEntry]:
    """Store what was brought back. One row of the audit log tells of each, and the undone one names it."""
    store([desk for desk, _ in undone])
    rows = [entry_of(names[entry.pk], desk, Verb.UNDONE, entry.subject, batch) for desk, entry in undone]
    for (_, entry), row in zip(undone, rows, strict=True):
        row.after = {**row.after, "undoes": str(entry.pk)}
    AuditEntry.objects.bulk_create(rows)
    for (_, entry), row in zip(undone, rows, strict=True):
        entry.undone_by = row
    AuditEntry.objects.bulk_update([entry for _, entry in undone], ["undone_by"])
    for _, entry in undone:
        _pass_on(entry)
    return rows


def _pass_on(entry: AuditEntry) -> None:
    """An undo that was undone: what it had undone is done again, what that had undone is not, and so on."""
    undone_by: AuditEntry | None = None
    while entry.verb == Verb.UNDONE and (below := AuditEntry.objects.filter(pk=entry.after["undoes"]).first()):
        AuditEntry.objects.filter(pk=below.pk).update(undone_by=undone_by)
        undone_by = below if undone_by is None else None
        entry = below


def _take_back(desk: Desk, entry: AuditEntry, living: set[int]) -> None:
    if FlagVerdict.REMOVED in (desk.image.verdict, entry.after.get("verdict")):
        raise Refused("removed", "The files of this photo are gone: that cannot be undone.", 410)
    if not _can_take_back(desk, entry):
        raise Refused("decided_since", "Somebody has decided on this since: undo that first.", 409)
    _bring_back(desk, entry, living)


def _can_take_back(desk: Desk, entry: AuditEntry) -> bool:
    """Whether everything is as the deed left it."""
    after = entry.after
    if desk.image.verdict == FlagVerdict.REMOVED or after.get("verdict", desk.image.verdict) != desk.image.verdict:
        return False
    if "completed" in after:
        # By whom is no matter: their account may be gone.
        if completion(desk.item)[0] != after["completed"][0]:
            return False
    elif desk.item is not None and desk.item.completed_at is not None and desk.item.completed_at > entry.at:
        # Whoever completed it has seen what was decided, and agreed.
        return "annotations" not in after
    said: dict[str, Snapshot | None] = after.get("annotations", {})
    return all(is_same(desk.found(UUID(key)), snapshot) for key, snapshot in said.items())


def _bring_back(desk: Desk, entry: AuditEntry, living: set[int]) -> None:
    before: dict[str, Any] = entry.before
    for key, snapshot in before.get("annotations", {}).items():
        if snapshot is None:
            desk.drop(UUID(key))
        else:
            author = snapshot["author_id"] if snapshot["author_id"] in living else None
            desk.put(put_together(desk.image, UUID(key), {**snapshot, "author_id": author}))
    if "completed" in before:
        at, by = before["completed"]
        set_completed(desk, datetime.fromisoformat(at) if at else None, by if by in living else None)
    if "verdict" in before:
        set_verdict(desk, FlagVerdict(before["verdict"]))
    if "suggestions" in before:
        _set_suggestions(desk, before["suggestions"], entry.after["suggestions"])


def _set_suggestions(desk: Desk, waiting: list[str], settled: list[str]) -> None:
    """Let these wait for a moderator again, and those no longer."""
    desk.note("suggestions", settled, waiting)
    Suggestion.objects.filter(pk__in=waiting).update(settled_at=None)
    Suggestion.objects.filter(pk__in=settled).update(settled_at=desk.now)
    ReviewItem.objects.filter(pk=desk.image.pk).update(
        suggested=Suggestion.objects.filter(image=desk.image, settled_at=None).exists()
    )


def _living(entries: Sequence[AuditEntry]) -> set[int]:
    """Which of the people who decided before still have an account."""
    authors = {
        snapshot["author_id"]
        for entry in entries
        for snapshot in entry.before.get("annotations", {}).values()
        if snapshot is not None
    }
    authors |= {entry.before["completed"][1] for entry in entries if "completed" in entry.before}
    return set(User.objects.filter(pk__in=authors - {None}).values_list("pk", flat=True))
