"""One deployed stack for all cloud tests, and people who use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud.databases import fresh_database
from tests.cloud.stack import Cloud, running_cloud


@pytest.fixture(autouse=True)
def _own_folders() -> None:
    """The portal runs in processes of its own here: nothing of this process's is used."""


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The stack of Pulumi.dev.yaml, which sends mail and asks Rekognition for labels only."""
    changes = {"mailFrom": "ImageSift <photos@example.org>", "rekognitionFeatures": '["labels"]'}
    with fresh_database() as database, running_cloud(tmp_path_factory.mktemp("cloud"), database, **changes) as cloud:
        yield cloud


@pytest.fixture
def cloud(deployed: Cloud) -> Iterator[Cloud]:
    """The stack, at rest. A test during which AWS refused anything to anybody has failed."""
    deployed.settle()
    deployed.rekognition.forget()
    deployed.receiver.forget()
    deployed.aurora.admit()
    deployed.denials()
    yield deployed
    assert deployed.denials() == []
