"""People and photos that the tests of moderation share, and short ways to decide."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from portal.accounts.models import User
from portal.images.models import DetectedLabel, Image, Instance
from portal.images.recording import record_result
from portal.moderation.deeds import Deed, Target
from portal.moderation.groups import make_moderator
from portal.moderation.loading import truths
from portal.moderation.models import Annotation
from portal.moderation.truth import Truth
from recognition.result import Box, DetectorRun
from recognition.result import Instance as FoundInstance
from recognition.result import Label as FoundLabel
from tests.conftest import PASSWORD, make_result

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LEFT = Box(0.1, 0.2, 0.3, 0.4)
# Shares four fifths of its area with LEFT.
NEAR_LEFT = Box(0.12, 0.2, 0.3, 0.4)
RIGHT = Box(0.6, 0.2, 0.3, 0.4)
RUNS = tuple(DetectorRun(name, "1", 5, fingerprint=name) for name in ("onnx", "rekognition", "faces"))


def a_moderator(name: str = "moderator") -> User:
    user = User.objects.create_user(name, f"{name}@example.com", PASSWORD)
    make_moderator(user)
    return User.objects.get(pk=user.pk)


def said(
    name: str, confidence: float = 90, detector: str = "onnx", boxes: Iterable[Box] = (), **more: Any
) -> FoundLabel:
    """A label of a result, all of its boxes as sure as itself."""
    instances = tuple(FoundInstance(confidence, box) for box in boxes)
    return FoundLabel(name, confidence, detector, instances=instances, **more)


def recognize(image: Image, *labels: FoundLabel, minutes: int = 0, **changes: Any) -> Image:
    """Record what detectors say of the image, so many minutes after NOW, and return it as it is then."""
    at = NOW + timedelta(minutes=minutes)
    record_result(make_result(image, labels=labels, recognized_at=at, **{"detectors": RUNS, **changes}))
    return fresh(image)


def fresh(image: Image) -> Image:
    return Image.objects.select_related("current").get(pk=image.pk)


def truth(image: Image) -> Truth:
    return truths([fresh(image)])[image.pk]


def holds(image: Image) -> set[tuple[str, str, str]]:
    """The labels of the image: title, detector and state."""
    return {(label.name, label.detector, label.state.value) for label in truth(image).labels}


def deed(actor: User, image: Image, deed_id: UUID | None = None) -> Deed:
    return Deed(deed_id or uuid4(), actor, image.pk)


def box_target(image: Image, name: str, number: int = 0) -> Target:
    """The box of this label in the current recognition, counted from the left, and then from the top."""
    labels = Instance.objects.filter(detected_label__recognition=fresh(image).current, detected_label__label__name=name)
    return Target("instance", str(labels.order_by("left", "top", "pk")[number].pk))


def label_target(image: Image, name: str, detector: str = "onnx") -> Target:
    row = DetectedLabel.objects.get(recognition=fresh(image).current, label__name=name, detector=detector)
    return Target("label", str(row.pk))


def word_target(image: Image) -> Target:
    """The only annotation of the image."""
    return Target("annotation", str(Annotation.objects.get(image=image).pk))
