"""Milliseconds and queries of the API's answers, for a person with few images and for one with very many.

Each number of images has a database and a process of its own; requests alternate between them, in the same run.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from benchmarks.side_by_side import compare, measured

COUNTS = (10_000, 1_000_000)
# Of these every tenth only: they read everything that a person has, and take so long.
SLOW = ("labels", "q: a name", "q: nothing")


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
            for row in compare(
                "benchmarks.api", options.images, server, folder, options.requests, slow=SLOW, keep=bool(options.keep)
            ):
                print(json.dumps(row), flush=True)


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
    response, milliseconds, queries = measured(lambda: client.get(path))
    if response.status_code != 200:
        raise SystemExit(f"{path} was answered with {response.status_code}: {response.content[:500]!r}")
    return milliseconds, queries


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
