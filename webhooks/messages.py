"""A message to one webhook, and the object of the outbox that it travels in to where it is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

SCHEMA = "imagesift.webhook/1"
FOLDER = "outbox/webhooks"


class MessageError(ValueError):
    """An object of the outbox that is no message. Its text holds nothing of the object."""


@dataclass(frozen=True)
class Message:
    """What to send to whom. `attempts_before` were made before the series of attempts that begins with this message:
    the first of the series bears the next number, and the waits between them begin anew."""

    delivery_id: str
    url: str
    secret: str = field(repr=False)
    body: str = field(repr=False)
    allow_private: bool = False
    attempts_before: int = 0

    def to_json(self) -> str:
        return json.dumps(
            {
                "schema": SCHEMA,
                "delivery_id": self.delivery_id,
                "url": self.url,
                "secret": self.secret,
                "body": self.body,
                "allow_private": self.allow_private,
                "attempts_before": self.attempts_before,
            }
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Message:
        """Tolerates fields that it does not know; raises MessageError for everything else."""
        try:
            found: Any = json.loads(text)
        except ValueError:
            raise MessageError("the object is not JSON") from None
        if not isinstance(found, dict) or found.get("schema") != SCHEMA:
            raise MessageError(f"the object is not an {SCHEMA}")
        needed = ("delivery_id", "url", "secret", "body")
        before = found.get("attempts_before", 0)
        if not all(isinstance(found.get(name), str) for name in needed) or not isinstance(before, int):
            raise MessageError("the object lacks a field or holds it in another form")
        return cls(
            **{name: found[name] for name in needed},
            allow_private=found.get("allow_private") is True,
            attempts_before=before,
        )
