"""Two databases side by side: one with few rows and one with very many, each in a process of its own.

Requests alternate between them, in the same run. Every process answers a line with a line: `true` asks for all kinds of
requests, `false` leaves out the slow ones; the answer holds milliseconds and queries of each kind.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

WARM_UP = 20


def compare(
    module: str,
    counts: list[int],
    server: str | None,
    folder: Path,
    requests: int,
    *,
    slow: Collection[str] = (),
    keep: bool,
) -> Iterator[dict[str, Any]]:
    """A row for each kind of request, with the times at both numbers.

    `python -m module --answer NUMBER` is the process that has the database.
    """
    taken: list[dict[str, list[tuple[float, int]]]] = [{}, {}]
    with ExitStack() as stack:
        children = [
            stack.enter_context(_child(module, count, server, folder / f"{count}", keep=keep)) for count in counts
        ]
        warm_up = min(WARM_UP, requests)
        for number in range(warm_up + requests):
            for child, times in zip(children, taken, strict=True):
                for kind, measured in _ask(child, slow=number % 10 == 0).items():
                    if number >= warm_up or kind in slow:
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
def _child(module: str, count: int, server: str | None, folder: Path, *, keep: bool) -> Iterator[subprocess.Popen[str]]:
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "IMAGESIFT_DATA": str(folder), "LOG_LEVEL": "ERROR"}
    environment |= {"API_REQUESTS_PER_MINUTE": "10000000", "DJANGO_SETTINGS_MODULE": "portal.settings"}
    with _database(server, f"imagesift_{module.replace('.', '_')}_{count}", keep=keep) as address:
        environment["DATABASE_URL"] = address or f"sqlite:///{folder / 'imagesift.sqlite3'}"
        command = [sys.executable, "-m", module, "--answer", str(count)]
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


def measured(send: Callable[[], Any]) -> tuple[Any, float, int]:
    """What `send` returns, the milliseconds that it takes, and the number of its queries."""
    from django.db import connection

    queries = 0

    def count(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*arguments)

    with connection.execute_wrapper(count):
        started = time.perf_counter()
        response = send()
        seconds = time.perf_counter() - started
    return response, 1000 * seconds, queries
