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
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_T = TypeVar("_T", bound="DataclassInstance")

SCHEMA = "imagesift.recognition/1"

_BOX_TOLERANCE = 1e-6
_HEX_COLOR = re.compile(r"#[0-9a-f]{6}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class ContractError(ValueError):
    """A result that does not keep the contract; the message names the field."""


class Status(StrEnum):
    RECOGNIZED = "recognized"
    FAILED = "failed"


class TextKind(StrEnum):
    LINE = "line"
    WORD = "word"


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ContractError(message)


def _require_percent(value: float, name: str) -> None:
    _require(0 <= value <= 100, f"{name} must be between 0 and 100, not {value!r}")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in fractions (0 to 1) of the upright image's width and height."""

    left: float
    top: float
    width: float
    height: float

    def __post_init__(self) -> None:
        inside = (
            self.left >= -_BOX_TOLERANCE
            and self.top >= -_BOX_TOLERANCE
            and self.width > 0
            and self.height > 0
            and self.left + self.width <= 1 + _BOX_TOLERANCE
            and self.top + self.height <= 1 + _BOX_TOLERANCE
        )
        _require(inside, f"box must lie inside the image with a positive area, not {self!r}")

    @classmethod
    def clipped(cls, left: float, top: float, right: float, bottom: float) -> Box | None:
        """The part of the rectangle (corners as fractions) that is inside the image; None when nothing is."""
        left, top = min(max(left, 0.0), 1.0), min(max(top, 0.0), 1.0)
        right, bottom = min(max(right, 0.0), 1.0), min(max(bottom, 0.0), 1.0)
        if right - left <= 0 or bottom - top <= 0:
            return None
        return cls(left, top, right - left, bottom - top)


@dataclass(frozen=True, slots=True)
class Instance:
    """One place in the image where a label was found."""

    confidence: float
    box: Box

    def __post_init__(self) -> None:
        _require_percent(self.confidence, "instance confidence")


@dataclass(frozen=True, slots=True)
class Label:
    name: str
    confidence: float
    detector: str
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    instances: tuple[Instance, ...] = ()

    def __post_init__(self) -> None:
        _require(bool(self.name), "label name must not be empty")
        _require(bool(self.detector), "label detector must not be empty")
        _require_percent(self.confidence, "label confidence")


@dataclass(frozen=True, slots=True)
class ModerationLabel:
    """A content flag. `parent` is the empty string at the top of the taxonomy, whose levels count from 1."""

    name: str
    parent: str
    confidence: float
    taxonomy_level: int
    detector: str = ""

    def __post_init__(self) -> None:
        _require(bool(self.name), "moderation label name must not be empty")
        _require_percent(self.confidence, "moderation label confidence")


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    kind: TextKind
    confidence: float
    box: Box
    detector: str = ""

    def __post_init__(self) -> None:
        _require(bool(self.text), "text must not be empty")
        _require_percent(self.confidence, "text confidence")


@dataclass(frozen=True, slots=True)
class DominantColor:
    """`hex` is lower-case `#rrggbb`; `percent` is the share of the image's pixels."""

    hex: str
    name: str
    percent: float

    def __post_init__(self) -> None:
        _require(_HEX_COLOR.fullmatch(self.hex) is not None, f"color must look like #aabbcc, not {self.hex!r}")
        _require_percent(self.percent, "color percent")


@dataclass(frozen=True, slots=True)
class Properties:
    """Sharpness, brightness and contrast, each 0 to 100, and the dominant colours, largest share first."""

    sharpness: float
    brightness: float
    contrast: float
    dominant_colors: tuple[DominantColor, ...] = ()
    detector: str = ""

    def __post_init__(self) -> None:
        for name in ("sharpness", "brightness", "contrast"):
            _require_percent(getattr(self, name), name)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed: a stable code, a sentence for a person, and whether trying again is of no use."""

    code: str
    message: str
    permanent: bool

    def __post_init__(self) -> None:
        _require(bool(self.code) and bool(self.message), "a failure needs a code and a message")


@dataclass(frozen=True, slots=True)
class DetectorRun:
    """What one detector did: `version` names its model, `fingerprint` all that decides its answer.

    `reused` is true when the answer was taken from an earlier recognition of the same content (nothing was paid).
    """

    name: str
    version: str
    duration_ms: int
    request_id: str | None = None
    fingerprint: str = ""
    reused: bool = False
    failure: Failure | None = None

    def __post_init__(self) -> None:
        _require(bool(self.name), "detector name must not be empty")
        _require(self.duration_ms >= 0, "detector duration must not be negative")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the original lies: a named storage, the key in it, and what the storage said of that object."""

    storage: str
    key: str
    etag: str | None = None
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """The original: `width` and `height` in pixels once upright, `bytes` as stored."""

    format: str
    width: int
    height: int
    bytes: int
    sha256: str

    def __post_init__(self) -> None:
        _require(self.width > 0 and self.height > 0, "image size must be positive")
        _require(_SHA256.fullmatch(self.sha256) is not None, "image sha256 must be 64 lower-case hex digits")


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
        _require(self.recognized_at.tzinfo is not None, "recognized_at must carry a time zone")
        failed = self.status is Status.FAILED
        _require(failed == (self.failure is not None), "a result has a failure exactly when its status is failed")
        _require(failed or self.image is not None, "a recognized result says what image it is of")

    def to_dict(self) -> dict[str, Any]:
        """The contract as plain JSON values, its fields in the documented order."""
        values = asdict(self)
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
    known = {f.name: values[f.name] for f in fields(cls) if f.name in values}
    return cls(**{**known, **replaced})


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
