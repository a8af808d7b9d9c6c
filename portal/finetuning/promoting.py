"""Which version runs beside the other detectors: promoting one, rolling back to the one before, and what ran when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import transaction

from portal.accounts.models import User
from portal.finetuning.deciding import PROMOTE, locked, record, refuse_strangers
from portal.finetuning.folders import local_folder
from portal.finetuning.models import Approval, ModelVersion, Promotion
from portal.images import buckets
from portal.images.models import Recognition
from portal.images.workers import by_lambda
from portal.moderation.deeds import Refused

# Who serves a model of our own: the worker itself, or an endpoint.
_SERVED_BY: Final = ("custom", "sagemaker")
_LOOKED_BACK = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """What a result said of the model that ran: `version` as results name it, and when."""

    detector: str
    version: str
    at: datetime


def running() -> ModelVersion | None:
    """The version that was promoted last, or that was rolled back to; None when none is to run."""
    newest = Promotion.objects.select_related("version").first()
    return newest.version if newest else None


def running_folder() -> Path | None:
    """The model folder of the version that runs, on this machine; None when none runs or its files are gone."""
    version = running()
    return local_folder(version, "model") if version else None


def files_are_gone(version: ModelVersion) -> bool:
    """Whether a trained version cannot run, as its files were deleted or damaged. In a bucket nobody looks."""
    return not buckets.on_s3("derived") and local_folder(version, "model") is None


def last_seen() -> Seen | None:
    """Which model of our own results name, by the newest that do; None when no recent result does."""
    for recognition in Recognition.objects.order_by("-recorded_at")[:_LOOKED_BACK]:
        for run in recognition.document.get("detectors", []):
            if run["name"] in _SERVED_BY and not run.get("failure"):
                return Seen(run["name"], run["version"], recognition.recognized_at)
    return None


def can_roll_back() -> bool:
    """Whether anything was promoted that is not rolled back yet."""
    return bool(_promoted())


def previous() -> ModelVersion | None:
    """What ran before what runs now and still may run. None when nothing did: then rolling back means that no model of
    our own runs.
    """
    return _before(_promoted())


@transaction.atomic
def promote(version: ModelVersion | None, actor: User) -> Promotion | None:
    """Have this version look at every image from the next one on, or none. What runs already changes nothing.

    Returns the row of the history, or None when nothing changed. Raises Refused unless it is trained and approved, and
    its files are there.
    """
    refuse_strangers(actor, PROMOTE)
    _one_at_a_time()
    fresh = locked(version) if version else None
    if fresh and (unfit := _unfit(fresh)):
        raise unfit
    if fresh == running():
        return None
    return _run(fresh, actor, "promoted")


@transaction.atomic
def roll_back(actor: User, *, of: ModelVersion | None = None) -> Promotion:
    """Go back to what ran before, be it nothing; again, to what ran before that. Nothing else changes.

    What was rejected since, or has no files any more, is passed over. `of` is what the person saw running: when
    something else runs by now, that is refused. Raises Refused as well when there is nothing to go back from.
    """
    refuse_strangers(actor, PROMOTE)
    _one_at_a_time()
    promoted = _promoted()
    if not promoted:
        raise Refused("nothing_before", "Nothing was promoted that could be rolled back.")
    if of is not None and running() != of:
        raise Refused("not_running", f"{of} does not run any more. Load the page again.")
    return _run(_before(promoted), actor, "rolled back", is_rollback=True)


def _promoted() -> list[ModelVersion | None]:
    """What was promoted, without what was rolled back: the last is what runs."""
    promoted: list[ModelVersion | None] = []
    for row in Promotion.objects.select_related("version").order_by("pk"):
        if row.is_rollback:
            promoted.pop()
            while promoted and promoted[-1] != row.version:
                promoted.pop()
        else:
            promoted.append(row.version)
    return promoted


def _before(promoted: list[ModelVersion | None]) -> ModelVersion | None:
    """The last of those that may still run, or that meant none."""
    return next((each for each in reversed(promoted[:-1]) if each is None or not _unfit(each)), None)


def _run(version: ModelVersion | None, actor: User, did: str, *, is_rollback: bool = False) -> Promotion:
    earlier = running()
    record(version, actor, did, instead_of=str(earlier) if earlier else None)
    return Promotion.objects.create(version=version, actor=actor, actor_name=actor.username, is_rollback=is_rollback)


def _one_at_a_time() -> None:
    """Wait for whoever else is deciding what runs, and keep others waiting until the transaction ends."""
    list(ModelVersion.objects.select_for_update().order_by("pk").values_list("pk"))


def _unfit(version: ModelVersion) -> Refused | None:
    """Why it cannot run."""
    if not version.is_ready:
        return Refused("not_ready", f"{version} is not trained, so it cannot run.")
    if version.approval == Approval.REJECTED:
        return Refused("rejected", f"{version} was rejected, so it cannot run.")
    if version.approval != Approval.APPROVED:
        return Refused("not_approved", f"{version} is not approved yet. Approve it first.")
    if not by_lambda() and local_folder(version, "model") is None:
        return Refused("files_gone", f"The files of {version} are gone or damaged, so it cannot run.")
    return None
