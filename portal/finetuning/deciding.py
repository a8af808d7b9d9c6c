"""What all decisions on models have in common: leave, and the record."""

from __future__ import annotations

from typing import Any, Final

from portal.accounts.models import User
from portal.finetuning.models import ModelVersion
from portal.moderation.deeds import Refused
from portal.moderation.models import AuditEntry, Verb

TRAIN: Final = "finetuning.add_modelversion"
APPROVE: Final = "finetuning.approve_modelversion"
PROMOTE: Final = "finetuning.promote_modelversion"

_MAY_NOT: Final = {
    TRAIN: "You may not train models.",
    APPROVE: "You may not approve or reject models.",
    PROMOTE: "You may not decide which model runs.",
}


def refuse_strangers(actor: User, permission: str) -> None:
    """Raise Refused for people who lack this permission."""
    if not actor.has_perm(permission):
        raise Refused("forbidden", _MAY_NOT[permission], 403)


def record(version: ModelVersion | None, actor: User, did: str, **more: Any) -> None:
    """Write into the audit log what somebody decided on a version, or on running none."""
    AuditEntry.objects.create(
        actor=actor,
        actor_name=actor.username,
        verb=Verb.MODEL,
        subject=str(version) if version else "no model",
        after={"did": did, "version": str(version.pk) if version else None, **more},
    )


def locked(version: ModelVersion) -> ModelVersion:
    """The version as it is now; nobody else changes it until the transaction ends. Raises Refused when it is gone."""
    fresh = ModelVersion.objects.select_for_update().filter(pk=version.pk).first()
    if fresh is None:
        raise Refused("not_found", "There is no such model version.", 404)
    return fresh
