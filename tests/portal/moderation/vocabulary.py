"""What the tests of the vocabulary share: an editor, images with labels, and all that people see of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from portal.accounts.models import User
from portal.images.counting import label_counts
from portal.images.history import Filters, matching
from portal.images.models import CurrentLabel, Image, Label
from portal.moderation.groups import make_vocabulary_editor
from portal.moderation.models import VocabularyChange
from portal.moderation.vocabulary.block import block
from portal.moderation.vocabulary.changing import Wish
from portal.moderation.vocabulary.describe import describe
from portal.moderation.vocabulary.following import follow
from portal.moderation.vocabulary.mapping import map_names
from portal.moderation.vocabulary.merge import merge
from portal.moderation.vocabulary.rename import rename
from portal.moderation.vocabulary.threshold import hide_below
from recognition import result as contract
from tests.conftest import PASSWORD


def make_editor(name: str = "editor") -> User:
    person = User.objects.create_user(name, f"{name}@example.com", PASSWORD)
    make_vocabulary_editor(person)
    return User.objects.get(pk=person.pk)


def wish(actor: User) -> Wish:
    return Wish(uuid4(), actor)


def label(name: str, confidence: float = 90.0, detector: str = "onnx", **more: Any) -> contract.Label:
    return contract.Label(name, confidence, detector, **more)


def pk_of(name: str) -> int:
    return Label.objects.get(name=name).pk


def followed(change: VocabularyChange) -> VocabularyChange:
    """The change, once all images have followed it."""
    assert follow(change.pk, 900)
    change.refresh_from_db()
    return change


def titles(image: Image) -> list[str]:
    return sorted(CurrentLabel.objects.filter(image=image).values_list("title", flat=True))


def found(owner: User, *labels: str) -> set[str]:
    """The names of the images that a history with a filter shows."""
    return {image.filename for image in matching(owner, Filters(labels=labels))}


def counts(owner: User) -> dict[str, int]:
    return {count.name: count.images for count in label_counts(owner, 50)}


def everything_seen(owner: User) -> tuple[Any, ...]:
    """All that histories, searches and counts are made of."""
    rows = CurrentLabel.objects.values_list(
        "image", "owner", "created_at", "name", "title", "detector", "confidence", "state",
        "surest_of_name", "surest_of_detector",
    )  # fmt: skip
    images = Image.objects.values_list("pk", "search_text", "flagged")
    return sorted(rows), sorted(images), counts(owner)


# One change of each kind, of labels as detectors say them.
VERBS: dict[str, Callable[[Wish], VocabularyChange]] = {
    "merge": lambda asked: merge(asked, [pk_of("Pup")], pk_of("Dog")),
    "rename": lambda asked: rename(asked, pk_of("Dog"), "Hound"),
    "block": lambda asked: block(asked, [pk_of("Dog"), pk_of("Cat")]),
    "threshold": lambda asked: hide_below(asked, pk_of("Dog"), 80),
    "describe": lambda asked: describe(
        asked, pk_of("Pup"), parent=pk_of("Animal"), category="Pets", aliases=["Whelp", "puppy dog"]
    ),
    "mapping": lambda asked: map_names(asked, {("rekognition", pk_of("Pup")): pk_of("Dog")}),
}
