"""What only the portal knows of an image, beside what was made from it: enough to write its row again one day."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import storages

from portal.images.models import Image

SCHEMA: Final = "imagesift.image/1"
NAME: Final = "image.json"


class SidecarError(ValueError):
    """The document is not a sidecar of a version that we know."""


@dataclass(frozen=True, slots=True)
class Sidecar:
    """`owner` is a username; `created_at` carries its time zone."""

    image_id: UUID
    owner: str
    filename: str
    content_type: str
    byte_size: int
    created_at: datetime

    def to_json(self) -> str:
        values = {**asdict(self), "image_id": str(self.image_id), "created_at": self.created_at.isoformat()}
        return json.dumps({"schema": SCHEMA, **values}, ensure_ascii=False, indent=2)

    @classmethod
    def from_json(cls, written: str | bytes) -> Sidecar:
        """Read what `to_json` wrote; fields it does not know are ignored. Raises SidecarError."""
        try:
            document = json.loads(written)
            if document["schema"] != SCHEMA:
                raise SidecarError(f"unknown schema {document['schema']!r}")
            return cls(
                image_id=UUID(document["image_id"]),
                owner=str(document["owner"]),
                filename=str(document["filename"]),
                content_type=str(document["content_type"]),
                byte_size=int(document["byte_size"]),
                created_at=datetime.fromisoformat(document["created_at"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SidecarError(f"not a sidecar: {error!r}") from error


def write_sidecar(image: Image) -> None:
    """Write down an image that has just begun."""
    sidecar = Sidecar(
        image_id=image.pk,
        owner=image.owner.username,
        filename=image.filename,
        content_type=image.content_type,
        byte_size=image.byte_size,
        created_at=image.created_at,
    )
    storages["derived"].save(f"{image.derived_prefix}/{NAME}", ContentFile(sidecar.to_json().encode()))
