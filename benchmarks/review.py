"""Milliseconds and queries until the next image of the review queue arrives, with few detections and with very many.

Each number of detections has a database and a process of its own; requests alternate between them, in the same run.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.side_by_side import compare, measured

COUNTS = (10_000, 1_000_000)
# So many detections an image of `many_images` has, nearly.
_PER_IMAGE = 4.3
_FILTERS = {
    "": {},
    "label: on half of all": {"label": "Label 1"},
    "label: on one of 80": {"label": "Label 60"},
    "label and detector": {"label": "Label 2", "detector": "rekognition"},
    "owner: of nearly all": {"owner": "benchmark"},
    "owner: of a tenth": {"owner": "stranger"},
    "a month": {"since": "2025-12-01", "until": "2025-12-31"},
}
_EMPTY = "nothing is left"
_AT_ONCE = 5_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detections", type=int, nargs=2, default=COUNTS, help="how many (default: %(default)s)")
    parser.add_argument("--requests", type=int, default=100, help="requests of each kind (default: %(default)s)")
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
            rows = compare(
                "benchmarks.review",
                options.detections,
                server,
                folder,
                options.requests,
                keep=bool(options.keep),
            )
            for row in rows:
                print(json.dumps(row), flush=True)


# In the process that has the database --------------------------------------------------------------------------------


def answer(count: int) -> None:
    """Load the images, unless they are there, and ask once for each mode and filter for each line that comes in."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from benchmarks.many_images import load
    from portal.accounts.models import User
    from portal.moderation.groups import make_moderator

    call_command("migrate", verbosity=0)
    owner, is_new = User.objects.get_or_create(username="benchmark", email="benchmark@example.com")
    if is_new:
        load(owner, round(count / _PER_IMAGE / 1.1), User.objects.create(username="stranger", email="s@example.com"))
        _queue()
        make_moderator(User.objects.create(username="moderator", email="moderator@example.com"))
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(username="moderator"))
    print(json.dumps({}), flush=True)
    for _ in sys.stdin:
        print(json.dumps(dict(_asked(client))), flush=True)


def _queue() -> None:
    """Boxes and places in the queue for all that was loaded, as recording leaves them."""
    from django.db import connection

    from portal.images.models import Image
    from portal.moderation.models import ReviewItem
    from portal.moderation.scoring import Rating, sample_order

    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO images_instance (detected_label_id, confidence, "left", top, width, height)'
            " SELECT id, confidence, 0.1, 0.2, 0.3, 0.4 FROM images_detectedlabel"
        )
    chance = random.Random(5)
    images = Image.objects.exclude(current=None).order_by("pk").values_list("pk", "owner_id", "created_at")
    rows = []
    for pk, owner, created_at in images.iterator(_AT_ONCE):
        rating = Rating(chance.uniform(1, 100), chance.uniform(1, 100), chance.uniform(1, 100))
        item = ReviewItem(image_id=pk, owner_id=owner, created_at=created_at, sample_order=sample_order(pk))
        item.uncertainty, item.disagreement, item.rarity = rating.uncertainty, rating.disagreement, rating.rarity
        item.score = rating.score
        item.flagged, item.suggested = chance.random() < 0.1, chance.random() < 0.1
        rows.append(item)
    ReviewItem.objects.bulk_create(rows, batch_size=_AT_ONCE)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)" if connection.vendor == "postgresql" else "SELECT 1")


def _asked(client: Any) -> Iterator[tuple[str, tuple[float, int]]]:
    from portal.moderation.queueing import Mode

    for mode in Mode:
        # How a person's or a month's images are found is the same in every mode.
        titles = _FILTERS if mode is Mode.MIXED else list(_FILTERS)[:3]
        for title in titles:
            filters = _FILTERS[title]
            yield f"{mode.value} {title}".strip(), _next(client, {"mode": mode.value, **filters})
    yield _EMPTY, _next(client, {"label": "zebra"}, is_empty=True)


def _next(client: Any, body: dict[str, str], *, is_empty: bool = False) -> tuple[float, int]:
    """The next image, which then goes back as if nobody had looked at it."""
    from portal.moderation.models import AuditEntry
    from portal.moderation.queueing import release

    response, milliseconds, queries = measured(
        lambda: client.post("/admin/moderation/review/next/", json.dumps(body), content_type="application/json")
    )
    if response.status_code != 200:
        raise SystemExit(f"{body} was answered with {response.status_code}: {response.content[:500]!r}")
    item = response.json()["item"]
    if (item is None) != is_empty:
        raise SystemExit(f"{body}: {item}")
    if item:
        release(response.wsgi_request.user, UUID(item["id"]))
        AuditEntry.objects.all().delete()
    return milliseconds, queries


if __name__ == "__main__":
    main()
