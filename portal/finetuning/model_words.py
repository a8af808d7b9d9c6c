"""What models said, in the words that people read: as the vocabulary has it, and as far as it would be shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from portal.finetuning.comparing_labels import Said
from portal.moderation.words import Vocabulary
from recognition.result import Box, Label

Document = Mapping[str, Any]


def as_documents(labels: Iterable[Label]) -> list[dict[str, Any]]:
    """Labels in the result contract's form, as far as it takes to compare them."""
    return [
        {
            "name": label.name,
            "confidence": label.confidence,
            "detector": label.detector,
            "instances": [{"confidence": each.confidence, "box": _sides(each.box)} for each in label.instances],
        }
        for label in labels
    ]


def said_in(labels: Iterable[Document], vocabulary: Vocabulary, shown_from: float) -> list[Said]:
    """All that these labels say and that is sure enough to be shown: by a label's own threshold, else `shown_from`.

    What the vocabulary blocks is left out.
    """
    said: list[Said] = []
    for label in labels:
        word = vocabulary.word(label["name"], label["detector"])
        if word is None:
            continue
        least = shown_from if word.shown_from is None else word.shown_from
        instances = label.get("instances") or ()
        places = [Said(word.title, each["confidence"], _box(each["box"])) for each in instances]
        said += [each for each in places or [Said(word.title, label["confidence"])] if each.confidence >= least]
    return said


def _box(sides: Document) -> Box:
    return Box(sides["left"], sides["top"], sides["width"], sides["height"])


def _sides(box: Box) -> dict[str, float]:
    return {"left": box.left, "top": box.top, "width": box.width, "height": box.height}
