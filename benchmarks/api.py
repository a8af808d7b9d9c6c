"""Milliseconds and queries of the API's answers, for a person with few images and for one with very many.

Each number of images has a database and a process of its own; requests alternate between them, in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import psycopg
from psycopg import sql

COUNTS = (10_000, 1_000_000)
# Of these every tenth only: they read everything that a person has, and take so long.
SLOW = ("labels", "q: a name", "q: nothing")
_WARM_UP = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs=2, default=COUNTS, help="numbers of images (default: %(default)s)")
    parser.add_argument("--requests", type=int, default=200, help="requests of each kind (default: %(default)s)")
    parser.add_argument("--postgres", help="address of a PostgreSQL server to measure as well, with a superuser's name")
    parser.add_argument("--keep", type=Path, help="a folder for the databases, which then stay for the next time")
    parser.add_argument("--answer", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.answer:
        answer(options.answer)
        return
    for server in (None, options.postgres) if options.postgres else (None,):
        with tempfile.TemporaryDirectory() as passing:
            folder = options.keep or Path(passing)
            for row in compare(options.images, server, folder, options.requests, keep=bool(options.keep)):
                print(json.dumps(row), flush=True)


def compare(
    counts: list[int], server: str | None, folder: Path, requests: int, *, keep: bool
) -> Iterator[dict[str, Any]]:
    """A row for each kind of request, with the times at both numbers of images."""
    taken: list[dict[str, list[tuple[float, int]]]] = [{}, {}]
    with ExitStack() as stack:
        children = [stack.enter_context(_child(count, server, folder / f"{count}", keep=keep)) for count in counts]
        for number in range(_WARM_UP + requests):
            for child, times in zip(children, taken, strict=True):
                for kind, measured in _ask(child, slow=number % 10 == 0).items():
                    if number >= _WARM_UP or kind in SLOW:
                        times.setdefault(kind, []).append(tuple(measured))
    for kind, few in taken[0].items():
        yield {
            "database": "postgresql" if server else "sqlite",
            "request": kind,
            **_figures(counts, few, taken[1][kind]),
        }


def _figures(counts: list[int], few: list[tuple[float, int]], many: list[tuple[float, int]]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for count, measured in zip(counts, (few, many), strict=True):
        milliseconds = [each for each, _ in measured]
        figures[f"p50_ms_{count}"] = round(statistics.median(milliseconds), 1)
        figures[f"p95_ms_{count}"] = round(_p95(milliseconds), 1)
    figures["ratio_p95"] = round(_p95([each for each, _ in many]) / _p95([each for each, _ in few]), 2)
    figures["queries"] = max(queries for _, queries in (*few, *many))
    return figures


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


@contextmanager
def _child(count: int, server: str | None, folder: Path, *, keep: bool) -> Iterator[subprocess.Popen[str]]:
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "IMAGESIFT_DATA": str(folder), "LOG_LEVEL": "ERROR"}
    environment |= {"API_REQUESTS_PER_MINUTE": "10000000", "DJANGO_SETTINGS_MODULE": "portal.settings"}
    with _database(server, f"imagesift_benchmark_{count}", keep=keep) as address:
        environment["DATABASE_URL"] = address or f"sqlite:///{folder / 'imagesift.sqlite3'}"
        command = [sys.executable, "-m", "benchmarks.api", "--answer", str(count)]
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            _read(process)
            yield process
            process.communicate()


@contextmanager
def _database(server: str | None, name: str, *, keep: bool) -> Iterator[str | None]:
    """The address of the database `name` on `server`, which is made if it is not there."""
    if server is None:
        yield None
        return
    with psycopg.connect(server, autocommit=True) as connection:
        identifier = sql.Identifier(name)
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            if not keep:
                connection.execute(sql.SQL("DROP DATABASE {}").format(identifier))


def _ask(process: subprocess.Popen[str], *, slow: bool) -> dict[str, list[Any]]:
    print(json.dumps(slow), file=process.stdin, flush=True)
    return _read(process)


def _read(process: subprocess.Popen[str]) -> dict[str, list[Any]]:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise SystemExit("the process that answers has ended")
    answered: dict[str, list[Any]] = json.loads(line)
    return answered


# In the process that has the database --------------------------------------------------------------------------------


def answer(count: int) -> None:
    """Load the images, unless they are there, and make one request of each kind for each line that comes in."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from benchmarks.many_images import load
    from portal.accounts.models import User
    from portal.api.tokens import make_token

    call_command("migrate", verbosity=0)
    owner, is_new = User.objects.get_or_create(username="benchmark", email="benchmark@example.com")
    if is_new:
        load(owner, count, User.objects.create(username="stranger", email="stranger@example.com"))
    _, token = make_token(owner, f"benchmark {time.time()}", ["images:read"])
    client = Client(SERVER_NAME="localhost", headers={"Authorization": f"Bearer {token}"})
    chance = random.Random(count)
    kinds = _kinds(chance, [_any_image(owner, chance) for _ in range(200)])
    print(json.dumps({}), flush=True)
    for line in sys.stdin:
        chosen = kinds if json.loads(line) else {name: path for name, path in kinds.items() if name not in SLOW}
        print(json.dumps({name: _measure(client, path()) for name, path in chosen.items()}), flush=True)


def _measure(client: Any, path: str) -> tuple[float, int]:
    from django.db import connection

    queries = 0

    def count(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*arguments)

    with connection.execute_wrapper(count):
        started = time.perf_counter()
        response = client.get(path)
        seconds = time.perf_counter() - started
    if response.status_code != 200:
        raise SystemExit(f"{path} was answered with {response.status_code}: {response.content[:500]!r}")
    return 1000 * seconds, queries


def _kinds(chance: random.Random, some: list[str]) -> dict[str, Callable[[], str]]:
    """Addresses by what they ask for; each call gives another of the kind."""

    def images(**parameters: Any) -> str:
        return f"/api/v1/images?{urlencode(parameters, doseq=True)}"

    def common() -> str:
        return f"label {chance.randint(1, 5)}"

    def rare() -> str:
        return f"label {chance.randint(200, 300)}"

    return {
        "get": lambda: f"/api/v1/images/{chance.choice(some)}",
        "list": lambda: images(),
        "list, from the middle on": lambda: images(cursor=_somewhere(chance)),
        "label: common": lambda: images(label=common()),
        "label: common, from the middle on": lambda: images(label=common(), cursor=_somewhere(chance)),
        "label: rare": lambda: images(label=rare()),
        "label, at least 90 %": lambda: images(label=common(), min_confidence=90),
        "two labels": lambda: images(label=[common(), f"label {chance.randint(10, 30)}"]),
        "a common and a rare label": lambda: images(label=[common(), rare()]),
        "status=failed": lambda: images(status="failed"),
        "detector: one of two": lambda: images(detector="rekognition"),
        "detector: replaced long ago": lambda: images(detector="onnx"),
        "a month": lambda: images(since="2025-12-01", until="2025-12-31"),
        "label in a month": lambda: images(label=common(), since="2025-12-01", until="2025-12-31"),
        "q: a frequent word": lambda: images(q="label"),
        "q: a name": lambda: images(q=f"img_{chance.randint(1, 9000):07}"),
        "q: nothing": lambda: images(q="zebra"),
        "labels": lambda: "/api/v1/labels",
    }


def _any_image(owner: Any, chance: random.Random) -> str:
    return str(owner.images.filter(pk__gte=UUID(int=chance.getrandbits(127))).order_by("pk")[0].pk)


def _somewhere(chance: random.Random) -> str:
    from benchmarks.many_images import moment_at
    from portal.images.history import Cursor

    return str(Cursor(moment_at(chance.uniform(0.3, 0.7)), UUID(int=0)))


if __name__ == "__main__":
    main()
