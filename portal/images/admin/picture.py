"""What is true of an image now, ready for a template to draw."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from portal.images.models import Image
from portal.moderation.loading import truths
from portal.moderation.truth import TrueLabel
from recognition.result import Box, ModerationLabel, Properties, Text


@dataclass(frozen=True)
class Outline:
    """A box to draw, in fractions of the upright image. `group` ties it to the label or text it belongs to."""

    group: str
    name: str
    confidence: float
    box: Box


@dataclass(frozen=True)
class Picture:
    """What is shown by default: what people said, and what detectors are surer of than SHOWN_CONFIDENCE percent."""

    labels: tuple[TrueLabel, ...] = ()
    texts: tuple[Text, ...] = ()
    flags: tuple[ModerationLabel, ...] = ()
    properties: Properties | None = None
    hidden: int = 0

    @classmethod
    def of(cls, image: Image) -> Picture:
        if image.current is None:
            return cls()
        result = image.current.result
        true = truths([image])[image.pk].labels
        labels = tuple(label for label in true if label.confidence >= settings.SHOWN_CONFIDENCE)
        return cls(
            labels=labels,
            texts=tuple(text for text in result.text if text.confidence >= settings.SHOWN_CONFIDENCE),
            flags=result.moderation_labels,
            properties=result.properties,
            hidden=len(true) - len(labels),
        )

    @property
    def outlines(self) -> list[Outline]:
        """Every box, the largest first, so that a small one is never covered."""
        found = [
            Outline(label.name, label.name, instance.confidence, instance.box)
            for label in self.labels
            for instance in label.instances
            if instance.confidence >= settings.SHOWN_CONFIDENCE
        ]
        found += [Outline(text.text, text.text, text.confidence, text.box) for text in self.texts]
        return sorted(found, key=lambda outline: outline.box.width * outline.box.height, reverse=True)
