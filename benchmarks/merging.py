"""Seconds and statements of merging two labels with 100,000 detections, and of undoing it, until all images follow."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks.side_by_side import _database

# The commonest name is on half of the images: in this many detectors say it about 100,000 times.
IMAGES = 175_000
MERGED, TARGET = "Label 1", "Label 2"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=IMAGES, help="(default: %(default)s)")
    parser.add_argument("--postgres", help="address of a PostgreSQL server to measure on, with a superuser's name")
    options = parser.parse_args()
    name = f"imagesift_merging_{uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as folder, _database(options.postgres, name, keep=False) as address:
        os.environ |= {"IMAGESIFT_DATA": folder, "LOG_LEVEL": "ERROR", "DJANGO_SETTINGS_MODULE": "portal.settings"}
        os.environ["DATABASE_URL"] = address or f"sqlite:///{Path(folder) / 'imagesift.sqlite3'}"
        measure(options.images)


def measure(images: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from benchmarks.many_images import load
    from portal.accounts.models import User
    from portal.images.models import DetectedLabel, Label
    from portal.moderation.vocabulary.changing import Wish
    from portal.moderation.vocabulary.merge import merge
    from portal.moderation.vocabulary.undoing import undo

    call_command("migrate", verbosity=0)
    root = User.objects.create_superuser("root", "root@example.com")
    load(root, images, User.objects.create(username="stranger", email="stranger@example.com"))
    _let_new_rows_follow()
    labels = Label.objects.in_bulk([MERGED, TARGET], field_name="name")
    _derive(labels[MERGED].pk)
    detections = DetectedLabel.objects.filter(label=labels[MERGED]).count()
    about = {"database": connection.vendor, "images": images, "detections": detections}
    before = _images_by_name()
    asked = Wish(uuid4(), root)
    merged = _timed(about, "merge", lambda: merge(asked, [labels[MERGED].pk], labels[TARGET].pk))
    if (missing := _images_by_name()) == before or MERGED.lower() in missing:
        raise SystemExit("the labels were not merged")
    _timed(about, "undo", lambda: undo(Wish(uuid4(), root), merged.pk))
    if _images_by_name() != before:
        raise SystemExit("not everything is as it was before")
    connection.close()


def _timed(about: dict[str, Any], what: str, verb: Callable[[], Any]) -> Any:
    from django.db import connection

    from portal.moderation.vocabulary.following import CHUNK, follow

    statements = 0

    def count(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*arguments)

    started, worked = time.perf_counter(), time.process_time()
    with connection.execute_wrapper(count):
        change = verb()
        asked, of_request = time.perf_counter() - started, statements
        follow(change.pk, 3600)
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    change.refresh_from_db()
    chunks = change.images_done // CHUNK + 1
    figures = {
        "what": what,
        "request_ms": round(1000 * asked, 1),
        "request_statements": of_request,
        "images_followed": change.images_done,
        "seconds": round(seconds, 1),
        "seconds_of_processor": round(worked, 1),
        "statements_a_chunk": round((statements - of_request) / chunks, 1),
    }
    print(json.dumps({**about, **figures}), flush=True)
    return change


def _images_by_name() -> dict[str, int]:
    from django.db.models import Count

    from portal.images.models import CurrentLabel

    return dict(CurrentLabel.objects.order_by().values_list("name").annotate(images=Count("image", distinct=True)))


def _derive(label: int) -> None:
    """Leave the images with the label as `record_result` does, with their titles and places in the queue."""
    from django.db import transaction

    from portal.moderation.effect import bring_up_to_date
    from portal.moderation.vocabulary.following import with_labels

    images = with_labels([label]).select_related("current")
    ids = list(images.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), 1000):
        with transaction.atomic():
            bring_up_to_date(list(images.filter(pk__in=ids[start : start + 1000])))


def _let_new_rows_follow() -> None:
    """The rows that were loaded brought their numbers along: PostgreSQL counts on from the last."""
    from django.core.management.color import no_style
    from django.db import connection

    from portal.images.models import CurrentLabel

    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [CurrentLabel]):
            cursor.execute(statement)


if __name__ == "__main__":
    main()
