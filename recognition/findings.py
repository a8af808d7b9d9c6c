"""What detectors find, in the result contract's terms: labels, boxes, text, flags and the picture's own properties.

Confidence runs from 0 to 100. Boxes are fractions of the upright image. Values out of bounds raise ContractError.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

LONGEST_NAME = 200

_BOX_TOLERANCE = 1e-6
_HEX_COLOR = re.compile(r"#[0-9a-f]{6}")


class ContractError(ValueError):
    """A result that does not keep the contract; the message names the field."""


class TextKind(StrEnum):
    LINE = "line"
    WORD = "word"


def require(condition: bool, message: str) -> None:
    if not condition:
        raise ContractError(message)


def require_percent(value: float, name: str) -> None:
    require(0 <= value <= 100, f"{name} must be between 0 and 100, not {value!r}")


def require_text(value: str, name: str, longest: int | None = None) -> None:
    """Some text, of at most `longest` characters, without what databases refuse: NUL and halves of characters."""
    require(bool(value), f"{name} must not be empty")
    require(longest is None or len(value) <= longest, f"{name} must have at most {longest} characters")
    storable = "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
    require(storable, f"{name} must not hold NUL or surrogate characters")


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
        require(inside, f"box must lie inside the image with a positive area, not {self!r}")

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
        require_percent(self.confidence, "instance confidence")


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
        require_text(self.name, "label name", LONGEST_NAME)
        require(bool(self.detector), "label detector must not be empty")
        require_percent(self.confidence, "label confidence")


@dataclass(frozen=True, slots=True)
class ModerationLabel:
    """A content flag. `parent` is the empty string at the top of the taxonomy, whose levels count from 1."""

    name: str
    parent: str
    confidence: float
    taxonomy_level: int
    detector: str = ""

    def __post_init__(self) -> None:
        require_text(self.name, "moderation label name", LONGEST_NAME)
        require_percent(self.confidence, "moderation label confidence")


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    kind: TextKind
    confidence: float
    box: Box
    detector: str = ""

    def __post_init__(self) -> None:
        require_text(self.text, "text")
        require_percent(self.confidence, "text confidence")


@dataclass(frozen=True, slots=True)
class DominantColor:
    """`hex` is lower-case `#rrggbb`; `percent` is the share of the image's pixels."""

    hex: str
    name: str
    percent: float

    def __post_init__(self) -> None:
        require(_HEX_COLOR.fullmatch(self.hex) is not None, f"color must look like #aabbcc, not {self.hex!r}")
        require_percent(self.percent, "color percent")


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
            require_percent(getattr(self, name), name)
