"""The messages on the ingest queue: what `recognize` and `dead_letters` tell the portal, in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

POINTER_SCHEMA: Final = "imagesift.pointer/1"
HELD_SCHEMA: Final = "imagesift.held/1"


class UnreadableMessage(ValueError):
    """A body that is none of the messages below; trying it again is of no use."""


class HoldReason(StrEnum):
    """Whose monthly budget an image waits for."""

    USER_BUDGET = "user_budget"
    STACK_BUDGET = "stack_budget"


@dataclass(frozen=True, slots=True)
class ResultPointer:
    """A result of `image_id` lies at `result_key` in the derived bucket, ready to be recorded."""

    image_id: UUID
    result_key: str

    def to_json(self) -> str:
        return _written(POINTER_SCHEMA, image_id=str(self.image_id), result_key=self.result_key)


@dataclass(frozen=True, slots=True)
class HeldImage:
    """`image_id` was not recognised, and nothing paid, because a budget of `month` (YYYY-MM, UTC) is spent."""

    image_id: UUID
    reason: HoldReason
    month: str
    held_at: datetime

    def to_json(self) -> str:
        moment = self.held_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return _written(
            HELD_SCHEMA, image_id=str(self.image_id), reason=self.reason.value, month=self.month, held_at=moment
        )


Message = ResultPointer | HeldImage


def read_message(body: str) -> Message:
    """The message that a queue record's body holds. Fields it does not know are ignored.

    Raises UnreadableMessage for another schema, a missing field, or what is no JSON object.
    """
    try:
        document = json.loads(body)
        return _READERS[document["schema"]](document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableMessage(f"not a message for the ingest queue: {error!r}") from error


def _written(schema: str, **values: str) -> str:
    return json.dumps({"schema": schema, **values}, separators=(",", ":"))


def _pointer(document: dict[str, Any]) -> ResultPointer:
    return ResultPointer(UUID(document["image_id"]), _text(document["result_key"]))


def _held(document: dict[str, Any]) -> HeldImage:
    held_at = datetime.fromisoformat(document["held_at"])
    if held_at.tzinfo is None:
        raise ValueError("held_at must carry a time zone")
    return HeldImage(UUID(document["image_id"]), HoldReason(document["reason"]), _text(document["month"]), held_at)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"expected some text, not {value!r}")
    return value


_READERS: Final[Mapping[str, Callable[[dict[str, Any]], Message]]] = {POINTER_SCHEMA: _pointer, HELD_SCHEMA: _held}
