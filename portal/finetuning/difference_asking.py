"""Asking what would change if a candidate ran: over a sample of the history, before anybody decides."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import transaction

from portal.accounts.models import User
from portal.finetuning import promoting
from portal.finetuning.deciding import PROMOTE, locked, record, refuse_strangers
from portal.finetuning.models import DifferenceRun, ModelVersion, SnapshotState
from portal.finetuning.shadow_tasks import find_differences
from portal.finetuning.shadowing import refuse_unfit
from portal.moderation.deeds import Refused

IMAGES: Final = 200
MOST_IMAGES: Final = 2000


@transaction.atomic
def begin_difference(version: ModelVersion, images: int, actor: User) -> DifferenceRun:
    """Have `version` and what runs now look at the stored previews of so many images, in the background.

    Asked for again while that goes on, it is the same one. Raises Refused.
    """
    refuse_strangers(actor, PROMOTE)
    fresh = locked(version)
    refuse_unfit(fresh)
    if not 1 <= images <= MOST_IMAGES:
        raise Refused("malformed", f"A sample has between 1 and {MOST_IMAGES:,} images.", 400)
    earlier = fresh.difference_runs.filter(state=SnapshotState.BUILDING).first()
    if earlier is not None:
        return earlier
    run = DifferenceRun.objects.create(
        candidate=fresh,
        running=promoting.running(),
        images_wanted=images,
        shown_from=settings.SHOWN_CONFIDENCE,
        author=actor,
        author_name=actor.username,
    )
    record(fresh, actor, "difference asked for", images=images, against=str(run.running) if run.running else None)
    find_differences.enqueue(str(run.pk))
    return run
