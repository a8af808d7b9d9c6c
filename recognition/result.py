"""The result contract, version 1: what every recognition ends as, whoever made it.

Names are Amazon Rekognition's in snake_case. Confidence runs from 0 to 100. Boxes are fractions of the upright
image. Producers validate by construction; the reader tolerates added fields and refuses an unknown version.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from recognition.findings import (
    Box,
    ContractError,
    DominantColor,
    Instance,
    Label,
    ModerationLabel,
    Properties,
    Text,
    TextKind,
    require,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "SCHEMA",
    "Box",
    "ContractError",
    "DetectorRun",
    "DominantColor",
    "Failure",
    "ImageInfo",
    "Instance",
    "Label",
    "ModerationLabel",
    "Properties",
    "Result",
    "Source",
    "Status",
    "Text",
    "TextKind",
    "failed",
]

_T = TypeVar("_T", bound="DataclassInstance")

SCHEMA = "imagesift.recognition/1"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PERCEPTUAL_HASH = re.compile(r"[0-9a-f]{0,64}")


class Status(StrEnum):
    RECOGNIZED = "recognized"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed: a stable code, a sentence for a person, and whether trying again is of no use."""

    code: str
    message: str
    permanent: bool

    def __post_init__(self) -> None:
        require(bool(self.code) and bool(self.message), "a failure needs a code and a message")


@dataclass(frozen=True, slots=True)
class DetectorRun:
    """What one detector did: `version` names its model, `fingerprint` all that decides its answer.

    `reused` is true when the answer was taken from an earlier recognition of the same content (nothing was paid).
    `cost_micro_usd` is what this run was billed, in millionths of a dollar; documents name it only above 0.
    """

    name: str
    version: str
    duration_ms: int
    request_id: str | None = None
    fingerprint: str = ""
    reused: bool = False
    failure: Failure | None = None
    cost_micro_usd: int = 0

    def __post_init__(self) -> None:
        require(bool(self.name), "detector name must not be empty")
        require(self.duration_ms >= 0, "detector duration must not be negative")
        require(self.cost_micro_usd >= 0, "detector cost must not be negative")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the original lies: a named storage, the key in it, and what the storage said of that object."""

    storage: str
    key: str
    etag: str | None = None
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """The original: `width` and `height` in pixels once upright, `bytes` as stored.

    `perceptual_hash` is alike for pictures that look alike (recognition/likeness.py); documents name it only if known.
    """

    format: str
    width: int
    height: int
    bytes: int
    sha256: str
    perceptual_hash: str = ""

    def __post_init__(self) -> None:
        require(self.width > 0 and self.height > 0, "image size must be positive")
        require(_SHA256.fullmatch(self.sha256) is not None, "image sha256 must be 64 lower-case hex digits")
        require(_PERCEPTUAL_HASH.fullmatch(self.perceptual_hash) is not None, "perceptual_hash must be hex digits")


@dataclass(frozen=True, slots=True)
class Result:
    """One recognition of one image. `configuration` is the fingerprint of the detectors asked and their settings."""

    image_id: UUID
    source: Source
    status: Status
    recognized_at: datetime
    failure: Failure | None = None
    image: ImageInfo | None = None
    labels: tuple[Label, ...] = ()
    moderation_labels: tuple[ModerationLabel, ...] = ()
    text: tuple[Text, ...] = ()
    properties: Properties | None = None
    detectors: tuple[DetectorRun, ...] = ()
    configuration: str = ""

    def __post_init__(self) -> None:
        require(self.recognized_at.tzinfo is not None, "recognized_at must carry a time zone")
        failed = self.status is Status.FAILED
        require(failed == (self.failure is not None), "a result has a failure exactly when its status is failed")
        require(failed or self.image is not None, "a recognized result says what image it is of")

    @property
    def cost_micro_usd(self) -> int:
        """What this recognition was billed altogether, in millionths of a dollar."""
        return sum(run.cost_micro_usd for run in self.detectors)

    def to_dict(self) -> dict[str, Any]:
        """The contract as plain JSON values, its fields in the documented order."""
        values = asdict(self)
        # Two fields came later than the first documents, which are written back as they are.
        for run in values["detectors"]:
            if not run["cost_micro_usd"]:
                del run["cost_micro_usd"]
        if values["image"] and not values["image"]["perceptual_hash"]:
            del values["image"]["perceptual_hash"]
        ordered = {
            "schema": SCHEMA,
            "image_id": str(self.image_id),
            "source": values["source"],
            "status": self.status.value,
            "failure": values["failure"],
            "image": values["image"],
        }
        for name in ("labels", "moderation_labels", "text", "properties", "detectors", "configuration"):
            ordered[name] = values[name]
        moment = self.recognized_at.astimezone(UTC)
        ordered["recognized_at"] = moment.isoformat().replace("+00:00", "Z")
        return ordered

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Result:
        """Read a document of version 1, ignoring fields it does not know.

        Raises ContractError for another version, a missing field or a value out of bounds.
        """
        if not isinstance(document, dict):
            raise ContractError("a result is a JSON object")
        if document.get("schema") != SCHEMA:
            raise ContractError(f"unknown schema {document.get('schema')!r}; this reads {SCHEMA}")
        try:
            return _result(document)
        except (KeyError, TypeError, AttributeError) as error:
            raise ContractError(f"malformed result: {error!r}") from error
        except ValueError as error:
            raise ContractError(str(error)) from error

    @classmethod
    def from_json(cls, document: str | bytes) -> Result:
        try:
            values = json.loads(document)
        except ValueError as error:
            raise ContractError(f"not JSON: {error}") from error
        return cls.from_dict(values)


def failed(image_id: UUID, source: Source, failure: Failure) -> Result:
    """A result of now that says only why there is nothing to say."""
    return Result(image_id, source, Status.FAILED, datetime.now(UTC), failure=failure)


def _result(document: dict[str, Any]) -> Result:
    return Result(
        image_id=UUID(document["image_id"]),
        source=_read(Source, document["source"]),
        status=Status(document["status"]),
        recognized_at=datetime.fromisoformat(document["recognized_at"]),
        failure=_optional(Failure, document.get("failure")),
        image=_optional(ImageInfo, document.get("image")),
        labels=tuple(_label(label) for label in document["labels"]),
        moderation_labels=tuple(_read(ModerationLabel, flag) for flag in document["moderation_labels"]),
        text=tuple(_text(text) for text in document["text"]),
        properties=_properties(document.get("properties")),
        detectors=tuple(_detector_run(run) for run in document["detectors"]),
        configuration=document.get("configuration", ""),
    )


def _read(cls: type[_T], values: dict[str, Any], **replaced: Any) -> _T:
    """Build `cls` from the fields it knows; `replaced` holds those already converted."""
    known = {name: values[name] for name in _names(cls) if name in values}
    return cls(**{**known, **replaced})


@cache
def _names(cls: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))


def _optional(cls: type[_T], values: dict[str, Any] | None) -> _T | None:
    return None if values is None else _read(cls, values)


def _label(values: dict[str, Any]) -> Label:
    return _read(
        Label,
        values,
        parents=tuple(values.get("parents", ())),
        aliases=tuple(values.get("aliases", ())),
        categories=tuple(values.get("categories", ())),
        instances=tuple(_read(Instance, i, box=_read(Box, i["box"])) for i in values.get("instances", ())),
    )


def _text(values: dict[str, Any]) -> Text:
    return _read(Text, values, kind=TextKind(values["kind"]), box=_read(Box, values["box"]))


def _properties(values: dict[str, Any] | None) -> Properties | None:
    if values is None:
        return None
    colors = tuple(_read(DominantColor, color) for color in values.get("dominant_colors", ()))
    return _read(Properties, values, dominant_colors=colors)


def _detector_run(values: dict[str, Any]) -> DetectorRun:
    return _read(DetectorRun, values, failure=_optional(Failure, values.get("failure")))
