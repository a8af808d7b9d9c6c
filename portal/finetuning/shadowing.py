"""A candidate that looks at a share of new uploads beside what runs. Owners never see what it says.

Nothing of it may hold up or fail a recognition: it begins when that is committed, and is a task of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.finetuning import promoting
from portal.finetuning.deciding import PROMOTE, locked, record, refuse_strangers
from portal.finetuning.folders import local_folder
from portal.finetuning.models import Approval, DifferenceImage, ModelVersion, ShadowRun, ShadowSeen
from portal.finetuning.shadow_tasks import look_beside
from portal.images.models import Image, Recognition, Status
from portal.images.workers import by_lambda
from portal.moderation.deeds import Refused
from recognition.result import Status as Outcome

NO_WORKER: Final = (
    "Candidates look at pictures in a worker that has the imaging libraries. This stack on AWS has none: run the "
    "portal on a machine of your own for that."
)


def current() -> ShadowRun | None:
    """The one that runs now."""
    return ShadowRun.objects.select_related("version").filter(is_running=True).first()


@transaction.atomic
def start_shadow(version: ModelVersion, percent: int, actor: User) -> ShadowRun:
    """From now on have `version` look at so many percent of new uploads. What runs already changes nothing.

    Raises Refused where it cannot, or another one does so already.
    """
    refuse_strangers(actor, PROMOTE)
    fresh = locked(version)
    refuse_unfit(fresh)
    if not 1 <= percent <= 100:
        raise Refused("malformed", "A share is between 1 and 100 %.", 400)
    earlier = current()
    if earlier is not None:
        if (earlier.version, earlier.percent) == (fresh, percent):
            return earlier
        looks = f"{earlier.version} looks at {earlier.percent} % of new uploads already"
        raise Refused("shadow_runs", f"{looks}. Stop that first.")
    try:
        with transaction.atomic():
            run = ShadowRun.objects.create(version=fresh, percent=percent, author=actor, author_name=actor.username)
    except IntegrityError:
        raise Refused("shadow_runs", "Somebody started another one just now. Load the page again.") from None
    record(fresh, actor, "shadow started", percent=percent)
    return run


@transaction.atomic
def stop_shadow(actor: User, *, of: ModelVersion | None = None) -> ShadowRun | None:
    """End the one that runs; what it said is kept. None when none runs.

    `of` is what the person saw looking: when something else does by now, that is refused.
    """
    refuse_strangers(actor, PROMOTE)
    run = current()
    if run is not None and of is not None and run.version != of:
        raise Refused("not_running", f"{of} looks at nothing any more; {run.version} does. Load the page again.")
    running = ShadowRun.objects.filter(is_running=True)
    if run is None or not running.filter(pk=run.pk).update(is_running=False, stopped_at=timezone.now()):
        return None
    record(run.version, actor, "shadow stopped")
    run.refresh_from_db()
    return run


def end_for(version: ModelVersion, actor: User) -> None:
    """It is not to look at anything any more, whoever started that."""
    if ShadowRun.objects.filter(version=version, is_running=True).update(is_running=False, stopped_at=timezone.now()):
        record(version, actor, "shadow stopped")


def refuse_unfit(version: ModelVersion) -> None:
    """Raise Refused for a version that cannot look at pictures here as a candidate."""
    if by_lambda():
        raise Refused("no_worker", NO_WORKER)
    if not version.is_ready:
        raise Refused("not_ready", f"{version} is not trained, so it cannot look at anything.")
    if version.approval == Approval.REJECTED:
        raise Refused("rejected", f"{version} was rejected.")
    if version == promoting.running():
        raise Refused("is_running", f"{version} is what runs: there is nothing to compare it with.")
    if local_folder(version, "model") is None:
        raise Refused("files_gone", f"The files of {version} are gone, so it cannot look at anything.")


def is_chosen(image_id: UUID, percent: int) -> bool:
    """Whether an image is of the share: always the same ones, and of a larger share the same and more."""
    return int.from_bytes(hashlib.sha256(image_id.bytes).digest()[:8]) % 100 < percent


def on_settled(image: Image, at: datetime | None = None, **_signal: Any) -> None:
    """Receives portal.images.signals.image_settled."""
    if at is None or image.status != Status.RECOGNIZED or by_lambda():
        return
    image_id = image.pk

    # No partial: Django logs what a robust callback raised by its name, which a partial has not.
    def ask() -> None:
        _have_looked_at(image_id, at)

    transaction.on_commit(ask, robust=True)


def _have_looked_at(image_id: UUID, at: datetime) -> None:
    """Ask for a look at an image that was recognised at a moment, if that was its first time and it is of the share."""
    run = current()
    if run is None or at < run.started_at or not is_chosen(image_id, run.percent) or run.version == promoting.running():
        return
    if Recognition.objects.filter(image=image_id, status=Outcome.RECOGNIZED.value).count() == 1:
        look_beside.enqueue(run.pk, str(image_id))


def on_images_deleting(ids: Sequence[UUID], **_signal: Any) -> None:
    """Receives portal.images.signals.images_deleting: what candidates said goes with the images, or with their files,
    where a moderator removes those and leaves the row."""
    ShadowSeen.objects.filter(image__in=ids).delete()
    DifferenceImage.objects.filter(image__in=ids).delete()
