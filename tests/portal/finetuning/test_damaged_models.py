"""A model whose files are gone or damaged: it looks at nothing, every page says so, and nobody promotes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.finetuning.models import DatasetSnapshot, ModelVersion
from portal.finetuning.promoting import can_roll_back, promote, roll_back, running
from portal.images.detecting import detectors, missing
from portal.moderation.deeds import Refused
from tests.portal.finetuning.test_version_pages import LIST, page_of, text_of
from tests.portal.finetuning.test_version_pages import dataset as dataset
from tests.portal.finetuning.test_version_pages import trainer as trainer
from tests.portal.finetuning.versions import approved_version

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _only_our_own(settings: Any) -> None:
    settings.DETECTORS = ("custom", "properties")


def model_of(version: ModelVersion) -> Path:
    return Path(storages["derived"].path(f"{version.folder}/model/model.onnx"))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize("damage", [Path.unlink, cut], ids=["gone", "cut short"])
def test_what_runs_is_said_not_to_on_every_page(
    trainer: Client, dataset: DatasetSnapshot, owner: User, damage: Callable[[Path], None]
) -> None:
    version = approved_version(dataset)
    promote(version, User.objects.get(pk=owner.pk))
    assert missing() == []
    damage(model_of(version))
    assert [detector.name for detector in detectors()] == ["properties"]
    assert "gone or damaged" in missing()[0]
    for page in (LIST, page_of(version), reverse("images:upload")):
        text = text_of(trainer, page)
        assert "gone or damaged" in text
        assert "This version runs" not in text


@pytest.mark.parametrize("damage", [Path.unlink, cut], ids=["gone", "cut short"])
def test_it_is_neither_promoted_nor_rolled_back_to(
    trainer: Client, dataset: DatasetSnapshot, owner: User, damage: Callable[[Path], None]
) -> None:
    actor = User.objects.get(pk=owner.pk)
    one, two = approved_version(dataset, 1), approved_version(dataset, 2)
    promote(one, actor)
    promote(two, actor)
    damage(model_of(one))
    with pytest.raises(Refused, match="gone or damaged"):
        promote(one, actor)
    roll_back(actor)
    assert (running(), can_roll_back()) == (None, False)


def test_a_model_that_comes_back_runs_again(dataset: DatasetSnapshot, trainer: Client, owner: User) -> None:
    version = approved_version(dataset)
    promote(version, User.objects.get(pk=owner.pk))
    content = model_of(version).read_bytes()
    model_of(version).unlink()
    assert missing()
    model_of(version).write_bytes(content)
    assert missing() == []
    assert [detector.name for detector in detectors()] == ["custom", "properties"]
