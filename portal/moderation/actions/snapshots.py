"""Annotations as the audit log keeps them: plain values, enough to bring them back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from portal.images.models import Image
from portal.moderation.models import Annotation

_NUMBERS: Final = (
    "left",
    "top",
    "width",
    "height",
    "predicted_left",
    "predicted_top",
    "predicted_width",
    "predicted_height",
    "predicted_confidence",
)
_PLAIN: Final = ("state", "label_id", "predicted_label_id", "detector", "detector_version", "author_id", *_NUMBERS)
# What is stored again when an annotation is put back.
FIELDS: Final = tuple(name.removesuffix("_id") for name in (*_PLAIN, "decided_at"))

Snapshot = dict[str, Any]


def taken(annotation: Annotation) -> Snapshot:
    return {name: getattr(annotation, name) for name in _PLAIN} | {"decided_at": annotation.decided_at.isoformat()}


def put_together(image: Image, annotation_id: UUID, snapshot: Snapshot) -> Annotation:
    """The annotation as it was."""
    values = {name: snapshot[name] for name in _PLAIN}
    return Annotation(
        id=annotation_id, image=image, decided_at=datetime.fromisoformat(snapshot["decided_at"]), **values
    )


def is_same(one: Snapshot | None, other: Snapshot | None) -> bool:
    """Whether they say the same. An author whose account is gone meanwhile is no change."""
    if one is None or other is None:
        return one is other
    return {**one, "author_id": None} == {**other, "author_id": None}
