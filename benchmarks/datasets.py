"""Seconds and memory for building a dataset of annotated images and for writing it as COCO's JSON, images left out.

Each step runs in a process of its own, so that the peak of its memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from psycopg import sql

LABELS = 20
BOXES = 5
NOW = datetime(2026, 11, 22, tzinfo=UTC)
# Of ten images one is a copy of the one before, and two are complete without any box.
_AT_ONCE = 5_000
_DATABASE = "imagesift_benchmarks_datasets"

Values = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000, help="annotated images (default: %(default)s)")
    parser.add_argument("--postgres", help="address of a PostgreSQL server to measure as well, with a superuser's name")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        _take(options.step, options.images)
        return
    for server in (options.postgres, None) if options.postgres else (None,):
        with tempfile.TemporaryDirectory() as folder, _environment(server, folder) as environment:
            for step in STEPS:
                command = [sys.executable, "-m", "benchmarks.datasets", "--step", step, "--images", str(options.images)]
                done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
                measured = json.loads(done.stdout.splitlines()[-1])
                print(json.dumps({"database": "postgresql" if server else "sqlite", **measured}), flush=True)


@contextmanager
def _environment(server: str | None, folder: str) -> Iterator[dict[str, str]]:
    environment = {**os.environ, "IMAGESIFT_DATA": folder, "LOG_LEVEL": "ERROR"}
    environment["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    environment["DATABASE_URL"] = f"sqlite:///{folder}/imagesift.sqlite3"
    if server is None:
        yield environment
        return
    name = sql.Identifier(_DATABASE)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            yield {**environment, "DATABASE_URL": urlsplit(server)._replace(path=f"/{_DATABASE}").geturl()}
        finally:
            connection.execute(sql.SQL("DROP DATABASE {}").format(name))


# In the process of one step ------------------------------------------------------------------------------------------


def _take(step: str, images: int) -> None:
    import django

    django.setup()
    started, before = time.perf_counter(), time.process_time()
    figures = STEPS[step](images)
    seconds = round(time.perf_counter() - started, 1)
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    # On a machine that is busy with other things, the processor's own time says more.
    of_processor = round(time.process_time() - before, 1)
    print(json.dumps({"step": step, "seconds": seconds, "cpu_seconds": of_processor, "peak_mb": peak, **figures}))


def _start(_images: int) -> dict[str, Any]:
    """Nothing: what a process of Django takes by itself."""
    return {}


def _load(images: int) -> dict[str, Any]:
    from django.core.management import call_command
    from django.db import connection, transaction

    from portal.accounts.models import User
    from portal.images.models import Image, Label
    from portal.moderation.models import Annotation, ReviewItem

    call_command("migrate", verbosity=0)
    owner = User.objects.create(username="benchmark", email="benchmark@example.com").pk
    labels = [label.pk for label in Label.objects.bulk_create(Label(name=f"Label {each}") for each in range(LABELS))]
    dice = random.Random(5)
    looks = 0
    for start in range(0, images, _AT_ONCE):
        some, said, reviews = list[Values](), list[Values](), list[Values]()
        for number in range(start, min(images, start + _AT_ONCE)):
            looks = looks ^ 0xFFF if number % 10 == 1 else dice.getrandbits(255)
            some.append(_image(owner, number, looks, dice))
            image = some[-1]["id"]
            reviews.append({"image_id": image, "owner_id": owner, "created_at": NOW, "completed_at": NOW})
            if number % 10 < 8:
                said += [_annotation(image, labels, dice) for _ in range(BOXES)]
        with transaction.atomic():
            for model, rows in ((Image, some), (Annotation, said), (ReviewItem, reviews)):
                _insert(model, rows)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {"images": images, "boxes": Annotation.objects.count()}


def _image(owner: int, number: int, looks: int, dice: random.Random) -> Values:
    return {
        "id": UUID(int=dice.getrandbits(128), version=4),
        "owner_id": owner,
        "filename": f"IMG_{number:07}.jpg",
        "byte_size": 2_800_000,
        "sha256": sha256(str(number).encode()).hexdigest(),
        "status": "recognized",
        "width": 4032,
        "height": 3024,
        "perceptual_hash": f"{looks:064x}",
    }


def _annotation(image: UUID, labels: list[int], dice: random.Random) -> Values:
    return {
        "id": UUID(int=dice.getrandbits(128), version=4),
        "image_id": image,
        "label_id": dice.choice(labels),
        "state": "approved",
        "left": dice.uniform(0, 0.7),
        "top": dice.uniform(0, 0.7),
        "width": dice.uniform(0.01, 0.3),
        "height": dice.uniform(0.01, 0.3),
    }


def _insert(model: Any, rows: list[Values]) -> None:
    """Rows of the same columns, past Django's models; the other columns get their defaults."""
    from django.db import connection

    given = list(rows[0])
    others = {field.column: field.get_default() for field in model._meta.concrete_fields if field.column not in given}
    columns = ", ".join(f'"{column}"' for column in (*given, *others))
    tail = [_stored(value) for value in others.values()]
    values = ([*map(_stored, row.values()), *tail] for row in rows)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {model._meta.db_table} ({columns}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * (len(given) + len(tail)))
            # Names of our own tables and columns, and places for the values.
            cursor.executemany(f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({marks})", values)  # noqa: S608


def _stored(value: Any) -> Any:
    """As the database takes it."""
    from django.db import connection

    if connection.vendor == "postgresql":
        return value
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value.hex if isinstance(value, UUID) else value


def _build(_images: int) -> dict[str, Any]:
    from portal.finetuning.building import advance
    from portal.finetuning.making import begin
    from portal.finetuning.models import DatasetSnapshot

    snapshot = begin(DatasetSnapshot(name="benchmark", licence="CC0"), None)
    slices = 1
    while not advance(snapshot.pk, 1.0):
        slices += 1
    snapshot.refresh_from_db()
    return {"slices": slices, "state": snapshot.state, **snapshot.card["counts"]}


def _export(_images: int) -> dict[str, Any]:
    from django.core.management import call_command

    with tempfile.TemporaryDirectory() as folder:
        call_command("export_dataset", "benchmark", "--version", "1", "--no-images", "--to", folder)
        written = sum(path.stat().st_size for path in Path(folder).glob("annotations/*.json"))
    return {"megabytes": round(written / 1e6, 1)}


STEPS: dict[str, Callable[[int], dict[str, Any]]] = {
    "start": _start,
    "load": _load,
    "build": _build,
    "export": _export,
}


if __name__ == "__main__":
    main()
