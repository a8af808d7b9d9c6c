"""Approving and rejecting what was trained."""

from __future__ import annotations

from functools import partial

from django.db import transaction

from portal.accounts.models import User
from portal.finetuning import orders, shadowing
from portal.finetuning.deciding import APPROVE, locked, record, refuse_strangers
from portal.finetuning.models import Approval, ModelVersion, Place
from portal.finetuning.promoting import running
from portal.moderation.deeds import Refused


def approve(version: ModelVersion, actor: User) -> ModelVersion:
    """Let it be promoted. Again, it changes nothing. Raises Refused unless it is trained and the gate let it pass."""
    return _decide(version, actor, Approval.APPROVED)


def reject(version: ModelVersion, actor: User) -> ModelVersion:
    """Keep it from being promoted. Again, it changes nothing. Raises Refused for what is not trained, and for what
    runs."""
    return _decide(version, actor, Approval.REJECTED)


@transaction.atomic
def _decide(version: ModelVersion, actor: User, approval: Approval) -> ModelVersion:
    refuse_strangers(actor, APPROVE)
    fresh = locked(version)
    if not fresh.is_ready:
        raise Refused("not_ready", f"{fresh} is not trained yet: there is nothing to decide on.")
    if fresh.approval == approval:
        return fresh
    if approval == Approval.APPROVED:
        _refuse_unproven(fresh)
    elif fresh == running():
        raise Refused(
            "running", f"{fresh} is what runs now. Roll back, or promote another version, before rejecting it."
        )
    fresh.approval = approval
    fresh.save(update_fields=["approval"])
    record(fresh, actor, approval.value)
    if approval == Approval.REJECTED:
        shadowing.end_for(fresh, actor)
    if fresh.place == Place.SAGEMAKER:
        transaction.on_commit(partial(orders.order_approval, fresh, approval == Approval.APPROVED))
    return fresh


def _refuse_unproven(version: ModelVersion) -> None:
    if not version.has_passed:
        reasons = " ".join(version.verdict.get("reasons", []))
        raise Refused("gate", f"{version} did not pass the gate, so it cannot be approved. {reasons}".strip())
