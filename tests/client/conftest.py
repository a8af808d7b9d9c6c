from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from imagesift import patience
from tests.client.fake_portal import TOKEN, FakePortal, running


@pytest.fixture(autouse=True)
def _a_machine_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "160")
    for name in ("IMAGESIFT_URL", "IMAGESIFT_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePortal]:
    """A portal that the environment names, and a client that is not long in losing patience."""
    monkeypatch.setattr(patience, "FIRST_WAIT_SECONDS", 0.01)
    with running() as portal:
        monkeypatch.setenv("IMAGESIFT_URL", portal.url)
        monkeypatch.setenv("IMAGESIFT_TOKEN", TOKEN)
        yield portal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five images, each with content of its own."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(5):
        (photos / f"{number}.jpg").write_bytes(f"photo {number}".encode() * 50)
    return photos
