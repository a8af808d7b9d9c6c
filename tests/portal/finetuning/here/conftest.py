"""Trainings by a stand-in that keeps the promises of `python -m training train`, so that PyTorch need not be there."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from portal.accounts.models import User
from portal.finetuning import child, training_here
from portal.finetuning.models import DatasetSnapshot, ModelVersion
from portal.finetuning.progress_lines import Follower
from portal.finetuning.training_here import watch
from portal.finetuning.workplaces import workplace
from portal.images.workers import told_to_end
from tests.portal.finetuning.conftest import MakeAnnotated
from tests.portal.finetuning.versions import drawn_dataset, trainer

AtStep = Callable[[int, Callable[[], object]], None]

STANDIN = Path(__file__).with_name("standin_training.py")
SLOWLY = {"steps": 60, "seconds_per_step": 0.03}


@pytest.fixture(autouse=True)
def _standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(child, "COMMAND", (sys.executable, str(STANDIN)))
    monkeypatch.setattr(training_here, "can_train_here", lambda: "")
    monkeypatch.setattr("portal.finetuning.beginning.can_train_here", lambda: "")
    monkeypatch.setattr(training_here, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(training_here, "REPORT_SECONDS", 0.05)
    yield
    told_to_end.clear()


@pytest.fixture
def dataset(annotated: MakeAnnotated) -> DatasetSnapshot:
    return drawn_dataset(annotated)


@pytest.fixture
def actor(owner: User) -> User:
    return trainer(owner)


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> AtStep:
    """Do something as soon as the training was heard of that many steps."""
    more = Follower.more

    def arrange(step: int, deed: Callable[[], object]) -> None:
        done: list[int] = []

        def more_and_deed(follower: Follower) -> bool:
            changed = more(follower)
            if follower.progress.steps_done >= step and not done:
                done.append(step)
                deed()
            return changed

        monkeypatch.setattr(Follower, "more", more_and_deed)

    return arrange


def queued(dataset: DatasetSnapshot, **options: Any) -> ModelVersion:
    start = {"name": "shapes", "version": 1 + ModelVersion.objects.count(), "start": "tiny-shapes"}
    return ModelVersion.objects.create(**start, dataset=dataset, author_name="owner", options=options)


def watched(version: ModelVersion) -> ModelVersion:
    watch(version.pk)
    version.refresh_from_db()
    return version


def process_of(version_id: UUID) -> int:
    return int((workplace(version_id) / "run" / "pid").read_text())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
