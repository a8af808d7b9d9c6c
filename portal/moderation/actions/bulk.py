"""In bulk: one verb for hundreds of boxes in as many images, in a bounded number of statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction

from portal.accounts.models import User
from portal.images.models import FlagVerdict, Instance, Recognition
from portal.moderation.access import visible_images
from portal.moderation.actions.approving import approve_subject
from portal.moderation.actions.desk import Desk, desks, locked, store
from portal.moderation.actions.naming import label_named
from portal.moderation.actions.performing import entry_of, refuse_strangers
from portal.moderation.actions.rejecting import reject_subject
from portal.moderation.actions.relabelling import relabel_subject
from portal.moderation.actions.targets import Found, Subject, found_instances, key_of, subject_of
from portal.moderation.deeds import Refused
from portal.moderation.models import AuditEntry, Verb
from portal.moderation.weighing import decided_boxes

_Decide = Callable[[Desk, Subject], str]
_VERBS: Final[dict[Verb, _Decide]] = {Verb.APPROVED: approve_subject, Verb.REJECTED: reject_subject}
# In `after` of an entry: on how many of the boxes that were asked for it decided.
_DECIDED: Final = "boxes"


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """How many boxes were decided on, and how many were left alone: gone, unseen, blocked, or decided on before."""

    decided: int
    left_alone: int


@transaction.atomic
def in_bulk(
    actor: User, batch_id: UUID, verb: str, instance_ids: Sequence[int], label: str | None = None
) -> BulkOutcome:
    """Approve, reject or relabel (as `label`) predicted boxes, by the primary keys of their instances.

    One entry of the audit log for each image, all of them in the batch `batch_id`; the same batch again changes nothing
    and returns the same. Raises Refused.
    """
    refuse_strangers(actor)
    asked = set(instance_ids)
    of_image = _by_image(asked)
    seen = visible_images(actor).filter(pk__in=of_image).exclude(verdict=FlagVerdict.REMOVED)
    images = locked(seen.values_list("pk", flat=True))
    known = _done_before(batch_id, actor, verb)
    if known is not None:
        return BulkOutcome(known, len(asked) - known)
    decide = _decision(verb, label)
    counts = {desk: _decide(desk, of_image[desk.image.pk], decide) for desk in desks(images, actor)}
    changed = [desk for desk, count in counts.items() if count]
    for desk in changed:
        desk.note(_DECIDED, 0, counts[desk])
    store(changed)
    AuditEntry.objects.bulk_create(
        entry_of(uuid5(batch_id, desk.image.pk.hex), desk, Verb(verb), _subject(of_image[desk.image.pk]), batch_id)
        for desk in changed
    )
    decided = sum(counts.values())
    return BulkOutcome(decided, len(asked) - decided)


def _by_image(instance_ids: Iterable[int]) -> dict[UUID, list[Found]]:
    """The predicted boxes by their images; three queries."""
    rows = list(Instance.objects.filter(pk__in=instance_ids).select_related("detected_label__label").order_by("pk"))
    recognitions = Recognition.objects.in_bulk({row.detected_label.recognition_id for row in rows})
    found = found_instances(rows, {pk: recognition.result for pk, recognition in recognitions.items()})
    of_image = defaultdict[UUID, list[Found]](list)
    for row in rows:
        of_image[recognitions[row.detected_label.recognition_id].image_id].append(found[row.pk])
    return of_image


def _done_before(batch_id: UUID, actor: User, verb: str) -> int | None:
    """On how many boxes the same batch has decided before; None when there was none."""
    entries = list(AuditEntry.objects.filter(batch=batch_id))
    if any((entry.actor_id, entry.verb) != (actor.pk, verb) for entry in entries):
        raise Refused("id_taken", "Something else was done under this id already. Load the page again.", 409)
    return sum(entry.after[_DECIDED] for entry in entries) if entries else None


def _decision(verb: str, label: str | None) -> _Decide:
    if verb == Verb.RELABELLED:
        named = label_named(label or "")
        return lambda desk, subject: relabel_subject(desk, subject, named)
    if verb not in _VERBS:
        raise Refused("unknown_verb", "Boxes can be approved, rejected or relabelled in bulk.", 400)
    return _VERBS[Verb(verb)]


def _decide(desk: Desk, asked: Sequence[Found], decide: _Decide) -> int:
    """Returns on how many of the boxes of one image was decided."""
    count = 0
    for detector in sorted({found.prediction.detector for found in asked}):
        of_detector = [found for found in asked if found.prediction.detector == detector]
        for result in {id(found.result): found.result for found in of_detector}.values():
            # What was decided a moment ago stands for what other detectors say at the same place.
            known = decided_boxes(result, desk.said, desk.words)
            for found in of_detector:
                if found.result is result and key_of(desk, found) is not None:
                    count += _decide_one(desk, subject_of(desk, found, known), decide)
    return count


def _decide_one(desk: Desk, subject: Subject, decide: _Decide) -> bool:
    if subject.is_new:
        decide(desk, subject)
        return True
    return desk.found(subject.said.pk) is None


def _subject(asked: Sequence[Found]) -> str:
    return ", ".join(sorted({found.label.title for found in asked}))
