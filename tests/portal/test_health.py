"""/healthz and /readyz: what they say when a part is missing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import Storage, storages
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from portal.images.models import WorkerHeartbeat
from portal.images.workers import HEARTBEAT_GRACE


@pytest.fixture
def worker(db: None) -> WorkerHeartbeat:
    return WorkerHeartbeat.objects.create(worker_id="laptop-1", pid=1)


@pytest.mark.django_db
def test_ready_when_database_storage_and_worker_are_there(client: Client, worker: WorkerHeartbeat) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"ready": True, "database": "ok", "storage": "ok", "worker": "ok"}


@pytest.mark.django_db
def test_not_ready_without_a_worker(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {
        "ready": False,
        "database": "ok",
        "storage": "ok",
        "worker": "no worker has reported lately",
    }


@pytest.mark.django_db
def test_not_ready_when_the_worker_stopped_reporting(client: Client, worker: WorkerHeartbeat) -> None:
    worker.beat_at = timezone.now() - HEARTBEAT_GRACE - timedelta(seconds=1)
    worker.save()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["worker"] == "no worker has reported lately"


@pytest.mark.django_db
@pytest.mark.parametrize("alias", ["uploads", "derived"])
def test_not_ready_when_a_storage_does_not_answer(
    client: Client, worker: WorkerHeartbeat, monkeypatch: pytest.MonkeyPatch, alias: str
) -> None:
    def unreachable(_storage: Storage, _path: str) -> tuple[list[str], list[str]]:
        raise ConnectionError("no route to the bucket")

    broken = storages[alias]
    monkeypatch.setattr(broken, "listdir", unreachable.__get__(broken))
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["storage"] == f"{alias} does not answer"


@pytest.mark.django_db
def test_not_ready_and_still_answering_when_the_database_is_down(
    client: Client, worker: WorkerHeartbeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_args: Any, **_kwargs: Any) -> None:
        raise OperationalError("could not connect")

    monkeypatch.setattr(connection, "cursor", down)
    response = client.get("/readyz")
    monkeypatch.undo()
    assert response.status_code == 503
    answer = response.json()
    assert answer["database"] == "does not answer"
    assert answer["worker"] == "unknown: the database does not answer"


def test_alive_without_touching_the_database(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok")


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_health_is_never_cached_and_only_read(client: Client, address: str) -> None:
    assert "no-store" in client.get(address)["Cache-Control"]
    assert client.post(address).status_code == 405
