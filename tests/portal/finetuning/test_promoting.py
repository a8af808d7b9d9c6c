"""Promoting and rolling back: what runs, from the next image on and without a restart, and nothing else."""

from __future__ import annotations

import json
import weakref
from gc import collect as collect_garbage
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.test import Client

from portal.accounts.models import User
from portal.finetuning.models import Approval, DatasetSnapshot, ModelVersion, Promotion, VersionState
from portal.finetuning.promoting import can_roll_back, last_seen, previous, promote, roll_back, running, running_folder
from portal.images.detecting import detectors, missing
from portal.images.models import Image
from portal.images.queueing import recognize_again
from portal.images.tasks import recognize_image
from portal.moderation.deeds import Refused
from portal.moderation.models import AuditEntry
from tests.conftest import MakeImage
from tests.portal.finetuning.conftest import MakeAnnotated, jpeg
from tests.portal.finetuning.versions import approved_version, drawn_dataset, ready_version, trainer, without_files
from training.shapes import draw

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(annotated: MakeAnnotated) -> DatasetSnapshot:
    return drawn_dataset(annotated)


@pytest.fixture
def actor(owner: User) -> User:
    return trainer(owner)


@pytest.fixture(autouse=True)
def _only_our_own(settings: Any) -> None:
    settings.DETECTORS = ("custom", "properties")


def recognized(image: Image) -> dict[str, str]:
    """Look at the image once more. Returns the versions of the detectors that the result names."""
    image.refresh_from_db()
    recognize_again(image)
    recognize_image.call(str(image.pk))
    image.refresh_from_db()
    assert image.current
    return {run["name"]: run["version"] for run in image.current.document["detectors"]}


@pytest.fixture
def shapes_image(owner: User, recognized_image: MakeImage) -> Image:
    return recognized_image(owner, content=jpeg(draw(1_000_001)[0]))


def test_what_is_promoted_looks_at_the_next_image_without_a_restart(
    dataset: DatasetSnapshot, actor: User, shapes_image: Image, client: Client
) -> None:
    assert "custom" not in recognized(shapes_image)
    one, two = approved_version(dataset, 1), approved_version(dataset, 2)
    promote(one, actor)
    assert recognized(shapes_image)["custom"] == one.served_as
    promote(two, actor)
    assert recognized(shapes_image)["custom"] == two.served_as
    assert [version.served_as[:10] for version in (one, two)] == ["shapes-v1-", "shapes-v2-"]
    client.force_login(actor)
    page = client.get(f"/images/{shapes_image.pk}/").content.decode()
    assert "Your own model" in page
    assert f"(custom {two.served_as})" in page, "why this label?"
    promote(None, actor)
    assert "custom" not in recognized(shapes_image)
    assert missing() == []


def tables() -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, apart from those that tell of recognitions and of promotions."""
    told_of = {Promotion, AuditEntry}
    models = [model for model in apps.get_models() if model not in told_of]
    return {str(model): json.loads(serializers.serialize("json", model.objects.order_by("pk"))) for model in models}


def test_rolling_back_brings_the_version_before_and_changes_nothing_else(
    dataset: DatasetSnapshot, actor: User, shapes_image: Image
) -> None:
    one, two = approved_version(dataset, 1), approved_version(dataset, 2)
    promote(one, actor)
    promote(two, actor)
    assert recognized(shapes_image)["custom"] == two.served_as
    before = tables()
    assert previous() == one
    roll_back(actor, of=two)
    assert tables() == before
    assert running() == one
    assert recognized(shapes_image)["custom"] == one.served_as
    seen = last_seen()
    assert seen
    assert (seen.detector, seen.version) == ("custom", one.served_as)


def test_rolling_back_twice_goes_back_twice_and_not_to_and_fro(dataset: DatasetSnapshot, actor: User) -> None:
    one, two, three = (approved_version(dataset, number) for number in (1, 2, 3))
    for version in (one, two, three):
        promote(version, actor)
    roll_back(actor)
    assert (running(), previous()) == (two, one)
    promote(three, actor)
    roll_back(actor)
    roll_back(actor)
    assert (running(), previous(), can_roll_back()) == (one, None, True)
    roll_back(actor)
    assert (running(), can_roll_back()) == (None, False)
    with pytest.raises(Refused, match="could be rolled back"):
        roll_back(actor)
    assert [row.is_rollback for row in Promotion.objects.order_by("pk")] == [False] * 3 + [True, False] + [True] * 3
    said = AuditEntry.objects.order_by("-at")[0]
    assert (said.subject, said.after["did"], said.after["instead_of"]) == ("no model", "rolled back", "shapes v1")


def test_pressing_twice_rolls_back_once(dataset: DatasetSnapshot, actor: User) -> None:
    one, two = approved_version(dataset, 1), approved_version(dataset, 2)
    promote(one, actor)
    promote(two, actor)
    roll_back(actor, of=two)
    with pytest.raises(Refused, match="does not run any more"):
        roll_back(actor, of=two)
    assert running() == one


def test_promoting_what_runs_changes_nothing(dataset: DatasetSnapshot, actor: User) -> None:
    version = approved_version(dataset)
    assert promote(None, actor) is None
    assert promote(version, actor)
    assert promote(version, actor) is None
    assert Promotion.objects.count() == 1
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"approval": Approval.PENDING}, "not approved yet"),
        ({"approval": Approval.REJECTED}, "was rejected"),
        ({"approval": Approval.APPROVED, "state": VersionState.TRAINING}, "not trained"),
    ],
)
def test_only_what_is_trained_and_approved_runs(
    dataset: DatasetSnapshot, actor: User, values: dict[str, Any], says: str
) -> None:
    with pytest.raises(Refused, match=says):
        promote(ready_version(dataset, **values), actor)
    assert running() is None


def test_what_was_rejected_since_is_passed_over_on_the_way_back(dataset: DatasetSnapshot, actor: User) -> None:
    one, two, three = (approved_version(dataset, number) for number in (1, 2, 3))
    for version in (one, two, three):
        promote(version, actor)
    ModelVersion.objects.filter(pk=two.pk).update(approval=Approval.REJECTED)
    assert previous() == one
    roll_back(actor)
    assert (running(), previous(), can_roll_back()) == (one, None, True)


def test_from_a_bad_model_there_is_always_a_way_back(dataset: DatasetSnapshot, actor: User) -> None:
    one, two = approved_version(dataset, 1), approved_version(dataset, 2)
    promote(one, actor)
    promote(two, actor)
    without_files(one)
    roll_back(actor)
    assert (running(), can_roll_back()) == (None, False)


def test_strangers_decide_nothing(dataset: DatasetSnapshot, stranger: User) -> None:
    version = approved_version(dataset)
    with pytest.raises(Refused, match="may not decide"):
        promote(version, trainer(stranger, "approve_modelversion"))
    with pytest.raises(Refused, match="may not decide"):
        roll_back(stranger)


def test_without_its_files_a_version_is_not_promoted_and_one_that_runs_is_said_to_be_missing(
    dataset: DatasetSnapshot, actor: User
) -> None:
    one, two = approved_version(dataset, 1), approved_version(dataset, 2)
    promote(one, actor)
    for version in (one, two):
        without_files(version)
    with pytest.raises(Refused, match="files of shapes v2 are gone"):
        promote(two, actor)
    assert running_folder() is None
    assert [sentence[:22] for sentence in missing()] == ["The model of your own "]
    assert [detector.name for detector in detectors()] == ["properties"]


def test_a_promotion_loads_no_other_model_again_and_lets_the_old_one_go(
    dataset: DatasetSnapshot, actor: User, settings: Any
) -> None:
    settings.DETECTORS = ("custom", "faces", "properties")
    one, two = approved_version(dataset, 1), approved_version(dataset, 2)
    promote(one, actor)
    before = detectors()
    assert detectors() == before
    old = weakref.ref(before[0])
    promote(two, actor)
    after = detectors()
    assert after[0] is not before[0]
    assert after[1:] == before[1:]
    del before
    collect_garbage()
    assert old() is None
    new = weakref.ref(after[0])
    promote(None, actor)
    del after
    assert [detector.name for detector in detectors()] == ["faces", "properties"]
    collect_garbage()
    assert new() is None
