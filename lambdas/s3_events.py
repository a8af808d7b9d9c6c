"""What S3 says of new objects, as it arrives in a queue's messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus


class UnreadableEvent(ValueError):
    """A message that is no event of S3's; trying it again is of no use."""


@dataclass(frozen=True, slots=True)
class CreatedObject:
    """An object that was created or overwritten. `record` is S3's own, to be sent on as it came.

    `etag` and `version_id` are those of the event: by now the object may be another or gone.
    """

    bucket: str
    key: str
    etag: str | None
    version_id: str | None
    record: Mapping[str, Any]


def created_objects(body: str) -> tuple[CreatedObject, ...]:
    """The objects of one message's body: none for the test event that S3 sends when a notification is set up.

    Raises UnreadableEvent.
    """
    try:
        document = json.loads(body)
        if document.get("Event") == "s3:TestEvent":
            return ()
        return tuple(_created(record) for record in document["Records"] if _is_creation(record))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableEvent(f"not an event of S3's: {error!r}") from error


def _is_creation(record: Mapping[str, Any]) -> bool:
    return str(record["eventName"]).startswith("ObjectCreated:")


def _created(record: Mapping[str, Any]) -> CreatedObject:
    stored = record["s3"]["object"]
    return CreatedObject(
        bucket=record["s3"]["bucket"]["name"],
        key=unquote_plus(stored["key"]),
        etag=stored.get("eTag"),
        version_id=stored.get("versionId"),
        record=record,
    )
