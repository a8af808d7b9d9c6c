"""One image as the review page gets it: what is believed to be in it, by whose word, and how each of that is named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from django.urls import reverse

from portal.images.label_rows import detector_title
from portal.images.models import DetectedLabel, FlagVerdict, Image, Instance, LabelState
from portal.moderation.loading import truths
from portal.moderation.models import AuditEntry, ReviewItem, Verb
from portal.moderation.queueing import Mode
from portal.moderation.truth import Prediction, TrueInstance, TrueLabel
from portal.moderation.words import Vocabulary
from recognition.result import Box

_ENTRIES: Final = 20
_Key = tuple[str, str, float, Box | None]


class Targets:
    """How predictions are named to actions: rows of the recognition that is shown, found by what they say."""

    def __init__(self, recognition_ids: Iterable[int]) -> None:
        """Two queries."""
        labels = DetectedLabel.objects.filter(recognition__in=list(recognition_ids)).select_related("label")
        self._labels = {row.pk: row for row in labels.order_by("pk")}
        self._ids = defaultdict[tuple[int, _Key], list[int]](list)
        for row in self._labels.values():
            key = (row.label.name, row.detector, row.confidence, None)
            self._ids[row.recognition_id, key].append(row.pk)
        for instance in Instance.objects.filter(detected_label__in=self._labels).order_by("pk"):
            row = self._labels[instance.detected_label_id]
            box = Box(instance.left, instance.top, instance.width, instance.height)
            self._ids[row.recognition_id, (row.label.name, row.detector, instance.confidence, box)].append(instance.pk)

    def take(self, recognition_id: int | None, prediction: Prediction) -> int | None:
        """The row of this prediction; where several say the very same, each call gives another. None if there is none.

        The primary key of an Instance, or of a DetectedLabel for what is said of the whole image.
        """
        if recognition_id is None:
            return None
        key = (prediction.name, prediction.detector, prediction.confidence, prediction.box)
        rows = self._ids.get((recognition_id, key))
        return rows.pop(0) if rows else None


def item_document(image: Image, item: ReviewItem, mode: Mode = Mode.MIXED) -> dict[str, Any]:
    """All that the review page shows of an image, which must have `owner` and `current` selected.

    A constant number of queries.
    """
    words = Vocabulary.load()
    truth = truths([image], words)[image.pk]
    targets = Targets([image.current_id] if image.current_id else [])
    return {
        **_about(image, item),
        "why": why(item, mode),
        "mode": mode.value,
        "suggestions": list(image.suggestions.filter(settled_at=None).values("label", "kind", "instead")),
        "findings": [
            finding
            for label in (*truth.labels, *truth.rejected)
            for finding in _of_label(label, image.current_id, targets, words)
        ],
        "disagreements": [
            {
                "kind": each.kind,
                "label": each.name,
                "detector": each.detector,
                "confidence": each.confidence,
                "box": _box(each.box),
            }
            for each in truth.disagreements
        ],
        "entries": _entries(image.pk),
    }


def _about(image: Image, item: ReviewItem) -> dict[str, Any]:
    flags = image.current.result.moderation_labels if image.current else ()
    return {
        "id": str(image.pk),
        "filename": image.filename,
        "owner": image.owner.username,
        "width": image.width,
        "height": image.height,
        "recognition": image.current_id,
        "preview": reverse("moderation:preview", args=[image.pk]),
        "completed": item.completed_at is not None,
        "flagged": image.flagged and image.verdict == FlagVerdict.NONE,
        "verdict": image.verdict,
        "flags": [{"name": flag.name, "confidence": flag.confidence} for flag in flags],
        "lease_until": item.leased_until.isoformat() if item.leased_until else None,
    }


def why(item: ReviewItem, mode: Mode) -> str:
    """Why this image comes now, in a sentence."""
    if mode is Mode.MIXED:
        mode = _weightiest(item)
    sentences = {
        Mode.RANDOM: "It was drawn at random, whatever is in it: this is how accuracy is measured.",
        Mode.UNCERTAIN: f"The detectors are unsure of what is in it: {item.uncertainty:.0f} of 100.",
        Mode.DISAGREEMENT: f"Detectors contradict each other, or a person: {item.disagreement:.0f} of 100.",
        Mode.RARE: f"Few images have what may be in it: its rarity is {item.rarity:.0f} of 100.",
        Mode.FLAGGED: "Its content was flagged, and nobody has decided on that.",
        Mode.SUGGESTED: "Its owner said something of its labels.",
        Mode.NEWEST: "It is the newest that nobody has completed.",
        Mode.MIXED: "Nothing about it is in doubt; it only has to be confirmed.",
    }
    return sentences[mode]


def _weightiest(item: ReviewItem) -> Mode:
    """What brought it to the front where everything counts."""
    if item.suggested:
        return Mode.SUGGESTED
    shares = {
        Mode.UNCERTAIN: 0.5 * item.uncertainty,
        Mode.DISAGREEMENT: 0.3 * item.disagreement,
        Mode.RARE: 0.2 * item.rarity,
    }
    greatest = max(shares, key=lambda mode: shares[mode])
    return greatest if shares[greatest] > 0 else Mode.MIXED


# Findings ------------------------------------------------------------------------------------------------------------


def _of_label(
    label: TrueLabel, recognition_id: int | None, targets: Targets, words: Vocabulary
) -> Iterator[dict[str, Any]]:
    """One finding for each box; for a label without any, one of the whole image."""
    for each in label.instances or (label,):
        target = _target(each, recognition_id, targets)
        if target is None:
            continue
        yield {
            "target": target,
            "label": label.name,
            "state": each.state.value,
            "confidence": each.confidence,
            "detector": label.detector,
            "detector_title": detector_title(label.detector),
            "shown": each.state != LabelState.PREDICTED or _is_shown(each.predicted, words),
            "box": _box(each.box) if isinstance(each, TrueInstance) else None,
            "predicted": _predicted(each.predicted),
        }


def _is_shown(prediction: Prediction | None, words: Vocabulary) -> bool:
    """Whether completing the image would approve it."""
    word = words.word(prediction.name, prediction.detector) if prediction else None
    return word is not None and prediction is not None and word.is_shown(prediction.confidence)


def _target(each: TrueLabel | TrueInstance, recognition_id: int | None, targets: Targets) -> dict[str, str] | None:
    """What a decision on it names: the word of a person if there is one, else the prediction."""
    if each.annotation is not None:
        return {"kind": "annotation", "id": str(each.annotation)}
    if each.predicted is None:
        return None
    row = targets.take(recognition_id, each.predicted)
    if row is None:
        return None
    return {"kind": "label" if each.predicted.box is None else "instance", "id": str(row)}


def _predicted(prediction: Prediction | None) -> dict[str, Any] | None:
    if prediction is None:
        return None
    return {
        "label": prediction.name,
        "confidence": prediction.confidence,
        "detector": prediction.detector,
        "box": _box(prediction.box),
    }


def _box(box: Box | None) -> dict[str, float] | None:
    return asdict(box) if box else None


def _entries(image_id: UUID) -> list[dict[str, Any]]:
    """The newest deeds on the image, without looks."""
    entries = AuditEntry.objects.filter(image=image_id).exclude(verb=Verb.LOOKED)
    return [
        {
            "id": str(entry.pk),
            "at": entry.at.isoformat(),
            "actor": entry.actor_name,
            "verb": entry.verb,
            "subject": entry.subject,
            "undone": entry.undone_by_id is not None,
        }
        for entry in entries[:_ENTRIES]
    ]
