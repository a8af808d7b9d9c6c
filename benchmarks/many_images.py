"""Rows of images by the hundred thousand, as `record_result` would have left them, loaded in bulk."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction

from portal.accounts.models import User
from portal.images.models import CurrentLabel, DetectedLabel, Image, Label, Recognition

# Zipf: the commonest name is on half of the images, the rarest on 3 of 1,000.
NAMES = tuple(f"Label {rank}" for rank in range(1, 301))
_WEIGHTS = tuple(accumulate(1 / rank for rank in range(1, len(NAMES) + 1)))
# The second was in use for the first twentieth of the time: its images are the hardest to come by.
DETECTORS = ("rekognition", "onnx")
_REPLACED_AFTER = 1 / 20
_UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
_PERIOD = timedelta(days=730)
_FAILED = 0.01
_AT_ONCE = 20_000

_EXAMPLE: dict[str, Any] = {
    "schema": "imagesift.recognition/1",
    "image_id": str(UUID(int=0)),
    "source": {"storage": "uploads", "key": "uploads/1/a.jpg", "etag": None, "version_id": None},
    "status": "recognized",
    "failure": None,
    "image": None,
    "labels": [],
    "moderation_labels": [],
    "text": [],
    "properties": None,
    "detectors": [],
    "configuration": "benchmark",
    "recognized_at": "2026-01-01T00:00:00Z",
}
_FAILURE = json.dumps(
    {
        **_EXAMPLE,
        "status": "failed",
        "failure": {"code": "unsupported_format", "message": "We cannot read this.", "permanent": True},
    }
)
_COLUMNS: dict[type[models.Model], tuple[str, ...]] = {
    Image: (
        *("id", "owner_id", "filename", "content_type", "byte_size", "sha256", "created_at"),
        *("status", "failure_code", "failure_message", "recognized_at", "format", "width", "height", "current_id"),
        "search_text",
    ),
    Recognition: (
        *("id", "image_id", "status", "content_sha256", "configuration", "recognized_at", "recorded_at"),
        *("cost_micro_usd", "document"),
    ),
    DetectedLabel: ("id", "recognition_id", "label_id", "detector", "confidence"),
    CurrentLabel: (
        *("id", "image_id", "owner_id", "created_at", "name", "title", "detector", "confidence"),
        *("surest_of_name", "surest_of_detector"),
    ),
}

Row = tuple[Any, ...]


@dataclass(slots=True)
class _Rows:
    """What is written next, a list of rows for each of the tables."""

    images: list[Row] = field(default_factory=list)
    recognitions: list[Row] = field(default_factory=list)
    detected: list[Row] = field(default_factory=list)
    current: list[Row] = field(default_factory=list)


def load(owner: User, count: int, stranger: User) -> None:
    """Give `owner` `count` images over two years, and `stranger` a tenth of that among them."""
    Label.objects.bulk_create(Label(pk=pk, name=name) for pk, name in enumerate(NAMES, 1))
    indexes = [(model, index) for model in _COLUMNS for index in model._meta.indexes]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
        else:
            cursor.execute("PRAGMA foreign_keys = OFF")
            cursor.execute("PRAGMA cache_size = -2000000")
    with connection.schema_editor() as editor:
        for model, index in indexes:
            editor.remove_index(model, index)
    with transaction.atomic():
        for rows in _batches(owner.pk, count, stranger.pk):
            lists = (rows.images, rows.recognitions, rows.detected, rows.current)
            for model, values in zip(_COLUMNS, lists, strict=True):
                _write(model, values)
    with connection.schema_editor() as editor:
        for model, index in indexes:
            editor.add_index(model, index)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
    connection.close()


def moment_at(age: float) -> datetime:
    """When an image of that `age` came in: 0 is the oldest, 1 the newest."""
    return _UNTIL - _PERIOD * (1 - age)


def _batches(owner: int, count: int, stranger: int) -> Iterator[_Rows]:
    chance = random.Random(4)
    rows, detected_before = _Rows(), 0
    total = count + count // 10
    for number in range(1, total + 1):
        whose = stranger if number % 11 == 0 else owner
        _add(rows, number, whose, number / total, detected_before, chance)
        if len(rows.images) == _AT_ONCE or number == total:
            yield rows
            detected_before += len(rows.detected)
            rows = _Rows()


def _add(rows: _Rows, number: int, owner: int, age: float, detected_before: int, chance: random.Random) -> None:
    """Image `number` with its recognition; `age` goes from 0, the oldest, to 1."""
    identity = UUID(int=chance.getrandbits(128), version=4)
    image, moment = _stored(identity, moment_at(age))
    found = {} if chance.random() < _FAILED else _found(age, chance)
    digest = f"{number:064x}"
    rows.images.append(_image_row(image, owner, digest, moment, number, found))
    status, document = ("recognized", _document(identity, digest, found)) if found else ("failed", _FAILURE)
    rows.recognitions.append((number, image, status, digest, "benchmark", moment, moment, 4000, document))
    names, by = set[int](), set[str]()
    for (label, detector), confidence in sorted(found.items(), key=lambda item: -item[1]):
        pk = detected_before + len(rows.detected) + 1
        rows.detected.append((pk, number, label, detector, confidence))
        title = NAMES[label - 1]
        found_by = (pk, image, owner, moment, title.lower(), title, detector, confidence)
        rows.current.append((*found_by, label not in names, detector not in by))
        names.add(label)
        by.add(detector)


def _stored(identity: UUID, moment: datetime) -> tuple[Any, Any]:
    """As the database takes them."""
    if connection.vendor == "postgresql":
        return identity, moment
    return identity.hex, connection.ops.adapt_datetimefield_value(moment)


def _found(age: float, chance: random.Random) -> dict[tuple[int, str], float]:
    """Five labels, more or less: confidences by number of the name and by detector."""
    detectors = DETECTORS if age < _REPLACED_AFTER else DETECTORS[:1]
    labels = chance.choices(range(1, len(NAMES) + 1), cum_weights=_WEIGHTS, k=chance.randint(1, 9))
    return {(label, chance.choice(detectors)): round(chance.uniform(20, 100), 2) for label in labels}


def _image_row(
    image: Any, owner: int, digest: str, moment: Any, number: int, found: dict[tuple[int, str], float]
) -> Row:
    name = f"IMG_{number:07}.jpg"
    words = [name.lower(), *(NAMES[label - 1].lower() for (label, _), confidence in found.items() if confidence >= 50)]
    uploaded = (image, owner, name, "image/jpeg", 2_800_000, digest, moment)
    if not found:
        return (*uploaded, "failed", "unsupported_format", "We cannot read this.", None, "", None, None, None, "")
    return (*uploaded, "recognized", "", "", moment, "JPEG", 4032, 3024, number, "\n".join(dict.fromkeys(words)))


def _document(image: UUID, digest: str, found: dict[tuple[int, str], float]) -> str:
    labels = [
        {
            "name": NAMES[label - 1],
            "confidence": confidence,
            "detector": detector,
            "parents": ["Thing"],
            "aliases": [],
            "categories": ["Things"],
            "instances": [{"confidence": confidence, "box": {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}}],
        }
        for (label, detector), confidence in found.items()
    ]
    about = {"format": "JPEG", "width": 4032, "height": 3024, "bytes": 2_800_000, "sha256": digest}
    return json.dumps({**_EXAMPLE, "image_id": str(image), "image": about, "labels": labels})


def _write(model: type[models.Model], rows: list[Row]) -> None:
    """Rows of `_COLUMNS`; the others get their defaults."""
    given = _COLUMNS[model]
    others = {field.column: field.get_default() for field in model._meta.concrete_fields if field.column not in given}
    columns = ", ".join(f'"{column}"' for column in (*given, *others))
    tail = tuple(others.values())
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {model._meta.db_table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row((*row, *tail))
        else:
            marks = ", ".join(["%s"] * (len(given) + len(tail)))
            # Names of our own tables and columns, and places for the values.
            statement = f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({marks})"  # noqa: S608
            cursor.executemany(statement, ((*row, *tail) for row in rows))
