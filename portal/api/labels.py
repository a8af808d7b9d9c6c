"""Labels as the API shows them: the word of people first, and what detectors had said beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any
from uuid import UUID

from portal.images.models import CurrentLabel, LabelState
from portal.moderation.truth import Prediction, TrueInstance, TrueLabel, Truth

# What a person changed or confirmed; of what they added no detector had said anything.
_DECIDED = (LabelState.APPROVED, LabelState.REJECTED, LabelState.CORRECTED)


def label_documents(truth: Truth, min_confidence: float) -> list[dict[str, Any]]:
    """All labels with their boxes; what people refused comes last. No threshold hides what people said."""
    shown = [label for label in truth.labels if label.by_people or label.confidence >= min_confidence]
    return [_label(label) for label in (*shown, *truth.rejected)]


def label_summaries(images: Iterable[UUID], min_confidence: float) -> dict[UUID, list[dict[str, Any]]]:
    """The labels that hold, without boxes, of each of the images that has any; one query."""
    rows = (
        # People's labels have 100 %.
        CurrentLabel.objects.filter(image__in=list(images), confidence__gte=min_confidence)
        .order_by("-confidence", "name", "detector")
        .values_list("image_id", "title", "confidence", "detector", "state")
    )
    labels: defaultdict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for image, title, confidence, detector, state in rows:
        labels[image].append({"name": title, "confidence": confidence, "detector": detector, "state": state})
    return labels


def _label(label: TrueLabel) -> dict[str, Any]:
    return {
        "name": label.name,
        "confidence": label.confidence,
        "detector": label.detector,
        "parents": list(label.parents),
        "categories": list(label.categories),
        "state": str(label.state),
        "predicted": _predicted(label.state, label.predicted),
        "instances": [_instance(instance) for instance in label.instances],
    }


def _instance(instance: TrueInstance) -> dict[str, Any]:
    return {
        "confidence": instance.confidence,
        "box": asdict(instance.box),
        "state": str(instance.state),
        "predicted": _predicted(instance.state, instance.predicted),
    }


def _predicted(state: LabelState, prediction: Prediction | None) -> dict[str, Any] | None:
    """What a detector says where a person decided; what nobody decided on is the prediction itself."""
    if prediction is None or state not in _DECIDED:
        return None
    return {
        "label": prediction.name,
        "confidence": prediction.confidence,
        "detector": prediction.detector,
        "box": asdict(prediction.box) if prediction.box else None,
    }
