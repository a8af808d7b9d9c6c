"""The stack's settings that the account must have room for, as the Pulumi program will read them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

# Rekognition's operation for each feature that is an operation of its own; properties come with the labels.
_OPERATIONS = {"labels": "DetectLabels", "moderation": "DetectModerationLabels", "text": "DetectText"}


class StackFileError(Exception):
    """A stack's file cannot be read; the message says why."""


@dataclass(frozen=True)
class Stack:
    """The defaults are those of the Pulumi program (docs/stack-configuration.md)."""

    region: str | None = None
    profile: str | None = None
    requests_per_second: float = 5.0
    features: tuple[str, ...] = ("labels", "properties", "moderation", "text")
    recognized_at_once: int = 5
    reserved_for_pages: int = 0
    sends_mail: bool = False

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations of Rekognition that each image costs one call of."""
        return tuple(operation for feature, operation in _OPERATIONS.items() if feature in self.features)


def read(path: Path) -> Stack:
    """The stack of Pulumi's file `path` (Pulumi.dev.yaml). Raises StackFileError naming the file or the key."""
    values = _values(path)
    rate = _number(values, "imagesift:rekognitionRequestsPerSecond", Stack.requests_per_second)
    at_once = _number(values, "imagesift:recognizeConcurrency", max(2, math.floor(rate)))
    return Stack(
        region=values.get("aws:region"),
        profile=values.get("aws:profile"),
        requests_per_second=rate,
        features=_names(values.get("imagesift:rekognitionFeatures")) or Stack.features,
        recognized_at_once=int(at_once),
        reserved_for_pages=int(_number(values, "imagesift:webConcurrency", 0)),
        sends_mail=bool(values.get("imagesift:mailFrom")),
    )


def _values(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise StackFileError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    values = content.get("config") if isinstance(content, dict) else None
    if not isinstance(values, dict):
        raise StackFileError(f"{path} holds no `config:`, as a stack's file of Pulumi does")
    return values


def _number(values: dict[str, Any], key: str, default: float) -> float:
    try:
        return float(values.get(key, default))
    except (TypeError, ValueError):
        raise StackFileError(f"{key} must be a number, not {values[key]!r}") from None


def _names(value: object) -> tuple[str, ...]:
    """Names that are written as a list, or in one text with commas between them."""
    names = value if isinstance(value, list) else str(value or "").strip("[]").split(",")
    return tuple(str(name).strip(" \"'") for name in names if name)
