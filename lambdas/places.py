"""Where an image's files lie: the keys of the two buckets, as the portal makes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

_UPLOAD: Final = re.compile(r"uploads/(?P<owner>[A-Za-z0-9_-]+)/(?P<image>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")

BUDGETS_KEY: Final = "settings/budgets.json"


@dataclass(frozen=True, slots=True)
class ImagePlace:
    """One image of one owner, and the keys of what is made from it, in the derived bucket."""

    owner_id: str
    image_id: UUID

    @classmethod
    def of_upload(cls, key: str) -> ImagePlace | None:
        """The image whose original lies at `key` in the uploads bucket; None for any other key."""
        match = _UPLOAD.fullmatch(key)
        return cls(match["owner"], UUID(match["image"])) if match else None

    @property
    def folder(self) -> str:
        return f"derived/{self.owner_id}/{self.image_id}"

    @property
    def preview_key(self) -> str:
        return f"{self.folder}/preview.jpg"

    @property
    def thumbnail_key(self) -> str:
        return f"{self.folder}/thumbnail.jpg"

    @property
    def results(self) -> str:
        """The folder of all results, none of which is ever changed: the history can be rebuilt from them."""
        return f"{self.folder}/results/"

    def final_key(self, content: str, configuration: str) -> str:
        """The one result of this content, named by its hash, by these detectors."""
        return f"{self.results}{content[:16]}-{configuration}.json"

    def partial_key(self, content: str, configuration: str, moment: datetime) -> str:
        """A result that lacks a detector's answer for now."""
        return f"{self.results}{content[:16]}-{configuration}-{_stamp(moment)}-partial.json"

    def dead_key(self, moment: datetime) -> str:
        """A failure that stands in for the result that never came."""
        return f"{self.results}{DEAD_PREFIX}{_stamp(moment)}.json"

    def unfinished_key(self, content: str, configuration: str) -> str:
        """What was paid for in attempts that are not over: no result yet, and changed by each attempt."""
        return f"{self.folder}/unfinished/{content[:16]}-{configuration}.json"

    def content_key(self, sha256: str, configuration: str) -> str:
        """Names the newest result of this content among all the owner's images."""
        return f"derived/{self.owner_id}/contents/{sha256}/{configuration}"


DEAD_PREFIX: Final = "dead-"


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")
