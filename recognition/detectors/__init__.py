"""The detectors: one file each, all of one shape."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from recognition.result import Label, ModerationLabel, Properties, Text

if TYPE_CHECKING:
    from recognition.image import PreparedImage

MIN_CONFIDENCE: Final = 20.0
"""Percent, of a model that runs here: what it is less sure of is not written down."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What one detector says of one image, in the contract's own types.

    `version` replaces the detector's own where the service names its model only in the answer.
    """

    labels: tuple[Label, ...] = ()
    moderation_labels: tuple[ModerationLabel, ...] = ()
    text: tuple[Text, ...] = ()
    properties: Properties | None = None
    request_id: str | None = None
    version: str | None = None


class Detector(Protocol):
    """Looks at a prepared image and says what it found.

    Made cheaply: models are loaded by the first `detect`, once per process, and `detect` may be called from several
    threads. It raises PermanentError when this image can never be answered, anything else when trying again may help.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str:
        """The model's version: another version may answer differently."""

    @property
    def paid(self) -> bool:
        """Whether each call costs money, so that an earlier answer is used where there is one."""

    @property
    def settings(self) -> Mapping[str, object]:
        """Whatever else decides the answer: features, thresholds (JSON values)."""

    def detect(self, image: PreparedImage) -> Findings: ...


def fingerprint(detector: Detector) -> str:
    """16 hex digits over the detector's name, version and settings: equal when its answers would be."""
    identity = [detector.name, detector.version, dict(detector.settings)]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
