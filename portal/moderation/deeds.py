"""What moderators ask for: a deed, what it is done to, and how it is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from portal.accounts.models import User


class Refused(Exception):
    """Something cannot be done: a stable code, a sentence for the person, and the HTTP status that fits."""

    def __init__(self, code: str, message: str, status: int = 409) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that somebody does to one image. The same id again is the same deed, and changes nothing."""

    id: UUID
    actor: User
    image_id: UUID
    batch: UUID | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What is decided on: the primary key of an Instance, a DetectedLabel or an Annotation of the image.

    An instance or a label may be of any recognition of the image: the page may have been loaded before the newest.
    """

    kind: Literal["instance", "label", "annotation"]
    id: str
