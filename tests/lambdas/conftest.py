"""An AWS account of its own for each test, on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lambdas.recognize import handler as recognize_handler
from lambdas.recognize import queues
from tests.lambdas.aws import forget_everything, moto_server
from tests.lambdas.world import REGION, World
from tests.recognition.fake_rekognition import FakeRekognition, serve


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def rekognition() -> Iterator[FakeRekognition]:
    with serve() as fake:
        yield fake


@pytest.fixture
def aws(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment in which botocore finds moto and test credentials, and nothing of this machine's."""
    forget_everything(moto_url)
    for name, value in {
        "AWS_ENDPOINT_URL": moto_url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return moto_url


@pytest.fixture
def world(aws: str, rekognition: FakeRekognition, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The stack, with `recognize` set up to work in it, waiting for nothing between its attempts."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", rekognition.url)
    monkeypatch.setattr(queues, "_SHORTEST_WAIT_S", 0)
    monkeypatch.setattr(queues, "_LONGEST_WAIT_S", 0)
    monkeypatch.setattr("recognition.detectors.aws.ATTEMPTS", 1)
    world = World(rekognition)
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    recognize_handler._wired.cache_clear()
    yield world
    recognize_handler._wired.cache_clear()
