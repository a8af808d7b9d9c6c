"""The whole product as `make run` starts it, and a browser to use it with."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import environ
import psycopg
import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.requirements import required

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a long enough passphrase"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Without these Chromium looks for its vendor's servers at every start.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUIET += ["--disable-component-update", "--disable-sync"]


@dataclass(frozen=True)
class Portal:
    """A running portal and how to call its commands."""

    url: str
    environment: dict[str, str]

    def manage(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, **options)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def new_database(name: str) -> Iterator[str | None]:
    """A new database on the PostgreSQL server that DATABASE_URL names; None for SQLite in the data folder."""
    server = os.environ.get("DATABASE_URL", "")
    if not server.startswith("postgres"):
        yield None
        return
    values = environ.Env.db_url_config(server)
    name = f"imagesift_{name}_{os.getpid()}"
    connect = {"host": values["HOST"], "port": values["PORT"], "user": values["USER"], "password": values["PASSWORD"]}
    with psycopg.connect(dbname="postgres", autocommit=True, **connect) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield server.rsplit("/", 1)[0] + f"/{name}"
    with psycopg.connect(dbname="postgres", autocommit=True, **connect) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def serving(folder: Path, database_url: str | None, **settings: str) -> Iterator[Portal]:
    """A portal that keeps everything in `folder`, with its worker."""
    port = free_port()
    environment = {**os.environ, "IMAGESIFT_DATA": str(folder), "LOG_LEVEL": "WARNING", **settings}
    environment["IMAGESIFT_MODELS"] = environment["IMAGESIFT_DATA"] + "/models"
    environment.pop("DATABASE_URL", None)
    if database_url:
        environment["DATABASE_URL"] = database_url
    running = Portal(f"http://localhost:{port}", environment)
    prepared = running.manage("prepare")
    assert prepared.returncode == 0, prepared.stderr
    command = [sys.executable, "manage.py", "serve", "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        _wait_until_ready(running.url)
        yield running
    finally:
        server.terminate()
        server.wait(timeout=40)


@pytest.fixture(scope="session")
def database_url() -> Iterator[str | None]:
    with new_database("e2e") as address:
        yield address


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory, database_url: str | None) -> Iterator[Portal]:
    with serving(tmp_path_factory.mktemp("portal"), database_url) as running:
        yield running


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with suppress(requests.RequestException):
            if requests.get(f"{url}/readyz", timeout=5).ok:
                return
        time.sleep(0.2)
    pytest.fail("the portal was not ready within two minutes")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    if CHROMIUM is None:
        required("chromium", "Chromium is not installed")
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": QUIET}


@pytest.fixture(scope="session")
def base_url(portal: Portal) -> str:
    return portal.url


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """What the browser's console complains of; a test that ends with complaints has failed."""
    found: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            found.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: found.append(str(error)))
    yield found
    assert found == []


SignUp = Callable[..., Page]


@pytest.fixture
def sign_up(browser: Browser, base_url: str) -> Iterator[SignUp]:
    """Open a browser of one's own and sign up under a name."""
    contexts: list[BrowserContext] = []

    def start(name: str, **options: Any) -> Page:
        context = browser.new_context(base_url=base_url, **options)
        contexts.append(context)
        page = context.new_page()
        page.goto("/accounts/signup/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Email", exact=True).fill(f"{name}@example.com")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Create my account").click()
        page.wait_for_url("**/history/")
        return page

    yield start
    for context in contexts:
        context.close()
