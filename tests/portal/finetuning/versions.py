"""Datasets of drawn shapes and model versions of them, for the tests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile, File
from django.core.files.storage import storages

import training
from portal.accounts.models import User
from portal.finetuning.models import Approval, DatasetImage, DatasetSnapshot, ModelVersion, VersionState
from portal.finetuning.splitting import Split
from recognition.detectors.onnx import OnnxDetector
from tests.portal.finetuning.conftest import MakeAnnotated, jpeg, make_snapshot
from tests.portal.finetuning.reports import report, verdict
from training.shapes import draw

START = Path(training.__file__).parent / "starts" / "tiny-shapes"
MODEL_FILES = ("model.onnx", "config.json", "preprocessor_config.json")
SIDE = 160

MakeVersion = Callable[..., ModelVersion]


def trainer(user: User, *permissions: str) -> User:
    """Let somebody do all that can be done with models, or only some of it; with a fresh memory of what they may."""
    wanted = permissions or ("add_modelversion", "approve_modelversion", "promote_modelversion")
    user.user_permissions.add(*Permission.objects.filter(codename__in=wanted))
    return User.objects.get(pk=user.pk)


def drawn_dataset(annotated: MakeAnnotated, *, images: int = 6, each: int = 2, seed: int = 0) -> DatasetSnapshot:
    """A dataset of drawn shapes: so many images, of which `each` are for validation and `each` for testing."""
    for number in range(images):
        picture, shapes = draw(seed + number, SIDE, SIDE)
        boxes = [(s.name, *(v / SIDE for v in (s.left, s.top, s.right - s.left, s.bottom - s.top))) for s in shapes]
        annotated(boxes, content=jpeg(picture), width=SIDE, height=SIDE)
    snapshot = make_snapshot(name="drawn")
    rows = list(snapshot.images.order_by("sha256"))
    for position, row in enumerate(rows):
        row.split = [Split.VALIDATION, Split.TEST, Split.TRAIN][min(2, position // each)]
    DatasetImage.objects.bulk_update(rows, ["split"])
    return snapshot


def ready_version(dataset: DatasetSnapshot, version: int = 1, *, passed: bool = True, **values: Any) -> ModelVersion:
    """A version that is trained, with the files of the tiny start as its model."""
    made = ModelVersion.objects.create(
        **{
            "name": "shapes",
            "version": version,
            "dataset": dataset,
            "start": "tiny-shapes",
            "author_name": "somebody",
            "state": VersionState.READY,
            "report": report(worst=()),
            "verdict": verdict() if passed else verdict("Too few images."),
            **values,
        }
    )
    about = {"schema": "imagesift.model/1", "name": made.name, "version": version, "thresholds": {}, "classes": []}
    storages["derived"].save(f"{made.folder}/model/imagesift.json", ContentFile(json.dumps(about)))
    for name in MODEL_FILES:
        with (START / name).open("rb") as file:
            storages["derived"].save(f"{made.folder}/model/{name}", File(file))
    made.served_as = OnnxDetector(Path(storages["derived"].path(f"{made.folder}/model"))).version
    made.save()
    return made


def approved_version(dataset: DatasetSnapshot, version: int = 1, **values: Any) -> ModelVersion:
    return ready_version(dataset, version, approval=Approval.APPROVED, **values)


def without_files(version: ModelVersion) -> None:
    shutil.rmtree(storages["derived"].path(version.folder))
