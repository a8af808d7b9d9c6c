"""What a browser needs to cut a box out of a photo: the portal itself has no imaging library on AWS."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from django.urls import reverse

from portal.images.label_rows import detector_title
from portal.images.models import FlagVerdict, Image, LabelState
from recognition.result import Box

_MARGIN: Final = 0.15
# A thumbnail's longest side, and how many of its pixels a crop has at least before the larger preview is fetched.
_THUMBNAIL_PIXELS: Final = 400
_ENOUGH_PIXELS: Final = 160


@dataclass(frozen=True, slots=True)
class Crop:
    """One box that a detector drew, and what holds there now. Confidence as the detector gave it, in percent."""

    instance: int
    image: Image
    label: str
    detector: str
    confidence: float
    state: LabelState
    box: Box

    def as_json(self) -> dict[str, Any]:
        view = _with_margin(self.box)
        return {
            "id": self.instance,
            "image": str(self.image.pk),
            "label": self.label,
            "detector": self.detector,
            "detector_title": detector_title(self.detector),
            "confidence": self.confidence,
            "state": self.state.value,
            "flagged": self.image.flagged and self.image.verdict == FlagVerdict.NONE,
            "picture": reverse(f"moderation:{self._form(view)}", args=[self.image.pk]),
            "width": self.image.width,
            "height": self.image.height,
            "view_box": " ".join(f"{value:.1f}" for value in self._pixels(view).values()),
            "box": self._pixels(self.box),
        }

    def _pixels(self, box: Box) -> dict[str, float]:
        width, height = self.image.width or 0, self.image.height or 0
        return {
            "x": box.left * width,
            "y": box.top * height,
            "width": box.width * width,
            "height": box.height * height,
        }

    def _form(self, view: Box) -> str:
        pixels = self._pixels(view)
        share = max(pixels["width"], pixels["height"]) / max(self.image.width or 1, self.image.height or 1)
        return "thumbnail" if share * _THUMBNAIL_PIXELS >= _ENOUGH_PIXELS else "preview"


def _with_margin(box: Box) -> Box:
    across, down = box.width * _MARGIN, box.height * _MARGIN
    left, top = max(box.left - across, 0.0), max(box.top - down, 0.0)
    right, bottom = min(box.left + box.width + across, 1.0), min(box.top + box.height + down, 1.0)
    return replace(box, left=left, top=top, width=right - left, height=bottom - top)
