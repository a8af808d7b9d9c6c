"""A thousand images to a laptop's portal, by a client that is killed half-way and run again: each is there once."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image as PILImage

ROOT = Path(__file__).parents[2]
IMAGES = 1_000
MANAGE = [sys.executable, "manage.py"]
CREATE_PERSON = "from portal.accounts.models import User; User.objects.create_user('owner', 'owner@example.com')"
SCOPES = ["--scope", "images:read", "--scope", "images:write"]


@dataclass(frozen=True)
class Laptop:
    """A portal of its own, with the environment in which its owner's client runs."""

    data: Path
    environment: dict[str, str]

    def count(self, condition: str = "1", what: str = "*") -> int:
        """How many images there are, as the database has it."""
        query = f"SELECT count({what}) FROM images_image WHERE {condition}"  # noqa: S608 - of this file's own words
        with closing(sqlite3.connect(self.data / "imagesift.sqlite3", timeout=30)) as database:
            return int(database.execute(query).fetchone()[0])

    def client(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "imagesift", *arguments]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Laptop]:
    data = tmp_path / "data"
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"IMAGESIFT_DATA": str(data), "LOG_LEVEL": "ERROR", "DETECTORS": "properties"}
    environment |= {"IMAGES_PER_DAY": str(IMAGES), "PYTHONPATH": str(ROOT / "client")}
    port = _free_port()

    def manage(*arguments: str) -> str:
        command = [*MANAGE, *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=-1, text=True).stdout

    manage("prepare")
    manage("shell", "--verbosity=0", "--command", CREATE_PERSON)
    token = manage("create_token", "owner", *SCOPES).strip()
    # Nothing is to be recognised here.
    server = subprocess.Popen([*MANAGE, "serve", "--port", str(port), "--workers", "0"], cwd=ROOT, env=environment)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url)
        yield Laptop(data, {**environment, "IMAGESIFT_URL": url, "IMAGESIFT_TOKEN": token})
    finally:
        server.terminate()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx2.get(f"{url}/healthz").is_success:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    pytest.fail("the portal did not start within a minute")


def _make_images(folder: Path) -> None:
    dice = np.random.default_rng(20261122)
    for number in range(IMAGES):
        place = folder / f"{number % 10}"
        place.mkdir(parents=True, exist_ok=True)
        PILImage.fromarray(dice.integers(0, 255, (8, 8, 3), np.uint8)).save(place / f"{number}.png")


@pytest.mark.slow
def test_a_thousand_images_are_there_once_though_the_client_was_killed(laptop: Laptop, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    _make_images(folder)
    first = laptop.client("upload", str(folder), "--recursive", "--quiet")
    deadline = time.monotonic() + 120
    while laptop.count("status <> 'awaiting_upload'") < IMAGES * 0.4 and time.monotonic() < deadline:
        time.sleep(0.05)
    first.kill()
    first.communicate()
    arrived, announced = laptop.count("status <> 'awaiting_upload'"), laptop.count()
    assert arrived < announced < IMAGES, "the kill did not come in the middle: the test proves nothing"

    second = laptop.client("upload", str(folder), "--recursive", "--quiet")
    said, _ = second.communicate(timeout=300)
    assert second.returncode == 0, said
    assert laptop.count() == laptop.count(what="DISTINCT sha256") == IMAGES
    assert laptop.count("status = 'awaiting_upload'") == 0

    third = laptop.client("upload", str(folder), "--recursive", "--quiet")
    assert third.communicate(timeout=300)[0] == "1,000 files: 0 uploaded, 1,000 there already.\n"
    listed, _ = laptop.client("results", "--csv").communicate(timeout=300)
    assert len(listed.splitlines()) == 1 + IMAGES
