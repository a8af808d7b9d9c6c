"""Approving and rejecting what was trained."""

from __future__ import annotations

from typing import Any

import pytest

from portal.accounts.models import User
from portal.finetuning import orders
from portal.finetuning.approving import approve, reject
from portal.finetuning.models import Approval, DatasetSnapshot, ModelVersion, Place, VersionState
from portal.finetuning.promoting import promote
from portal.moderation.deeds import Refused
from portal.moderation.models import AuditEntry
from tests.portal.finetuning.conftest import MakeAnnotated
from tests.portal.finetuning.versions import drawn_dataset, ready_version, trainer

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(annotated: MakeAnnotated) -> DatasetSnapshot:
    return drawn_dataset(annotated)


@pytest.fixture
def actor(owner: User) -> User:
    return trainer(owner)


def deeds() -> list[str]:
    return [entry.after["did"] for entry in AuditEntry.objects.order_by("at")]


def test_what_passed_the_gate_is_approved_once(dataset: DatasetSnapshot, actor: User) -> None:
    version = ready_version(dataset)
    assert approve(version, actor).approval == Approval.APPROVED
    approve(version, actor)
    assert ModelVersion.objects.get().approval == Approval.APPROVED
    assert deeds() == ["approved"]


def test_what_the_gate_refused_is_not_approved_and_the_reasons_are_told(dataset: DatasetSnapshot, actor: User) -> None:
    with pytest.raises(Refused, match=r"did not pass the gate.*Too few images\."):
        approve(ready_version(dataset, passed=False), actor)
    assert ModelVersion.objects.get().approval == Approval.PENDING
    assert not deeds()


@pytest.mark.parametrize("deed", [approve, reject])
def test_what_is_not_trained_is_not_decided_on(dataset: DatasetSnapshot, actor: User, deed: Any) -> None:
    with pytest.raises(Refused, match="not trained"):
        deed(ready_version(dataset, state=VersionState.TRAINING), actor)


@pytest.mark.parametrize("deed", [approve, reject])
def test_who_may_only_train_may_not_decide(dataset: DatasetSnapshot, stranger: User, deed: Any) -> None:
    with pytest.raises(Refused, match="may not approve"):
        deed(ready_version(dataset), trainer(stranger, "add_modelversion", "promote_modelversion"))


def test_what_was_approved_may_be_rejected_unless_it_runs(dataset: DatasetSnapshot, actor: User) -> None:
    version = ready_version(dataset)
    approve(version, actor)
    promote(version, actor)
    with pytest.raises(Refused, match="runs now"):
        reject(version, actor)
    promote(None, actor)
    assert reject(version, actor).approval == Approval.REJECTED
    assert deeds() == ["approved", "promoted", "promoted", "rejected"]


def test_the_registry_on_aws_is_told(
    dataset: DatasetSnapshot, actor: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    told: list[tuple[Any, bool]] = []
    monkeypatch.setattr(orders, "order_approval", lambda version, approved: told.append((version.pk, approved)))
    version = ready_version(dataset, place=Place.SAGEMAKER)
    with django_capture_on_commit_callbacks(execute=True):
        approve(version, actor)
    with django_capture_on_commit_callbacks(execute=True):
        reject(version, actor)
    assert told == [(version.pk, True), (version.pk, False)]
