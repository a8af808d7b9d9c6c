"""Understanding detectors and people alike: what they said, in the words of the vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from portal.images.models import LabelState
from portal.moderation.models import Annotation
from portal.moderation.truth import PEOPLE, Prediction
from portal.moderation.words import Vocabulary, Word
from recognition import result as contract
from recognition.result import Box, Result


@dataclass(slots=True)
class Saying:
    """What one detector says of one label of ours, maybe by several words of its own. Nothing that is blocked."""

    word: Word
    whole: Prediction
    boxes: list[Prediction] = field(default_factory=list)
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    def is_hidden(self, confidence: float) -> bool:
        """Whether the label's own threshold hides a prediction of so many percent, as long as nobody approved it."""
        return min(confidence, self.whole.confidence) < (self.word.shown_from or 0)


@dataclass(frozen=True, slots=True)
class Decision:
    """An annotation, understood. `word` is None when that is blocked, `instead_of` also when nothing was predicted."""

    id: UUID
    state: LabelState
    word: Word | None
    instead_of: Word | None
    box: Box | None
    predicted_box: Box | None
    detector: str
    confidence: float
    decided_at: datetime

    def says(self, key: str) -> bool:
        return self.word is not None and self.word.key == key

    def denies(self, key: str) -> bool:
        """Whether the person was told of this label, and said that it is another."""
        return self.instead_of is not None and self.instead_of.key == key and not self.says(key)

    def speaks_of(self, key: str) -> bool:
        return self.says(key) or self.denies(key)

    def boxes_of(self, key: str) -> tuple[Box, ...]:
        """Where a prediction of this label must lie to be what was decided on."""
        told = self.instead_of is not None and self.instead_of.key == key
        boxes = (self.predicted_box if told else None, self.box if self.says(key) else None)
        return tuple(box for box in boxes if box is not None)


def sayings(result: Result | None, vocabulary: Vocabulary) -> list[Saying]:
    """What the detectors of a result say, one for each detector and label of ours."""
    found: dict[tuple[str, str], Saying] = {}
    for label in _surest_of_name(result.labels if result else ()):
        word = vocabulary.word(label.name, label.detector)
        if word is None:
            continue
        whole = Prediction(label.name, label.detector, label.confidence)
        said = found.get((word.key, label.detector))
        if said is None:
            said = found[word.key, label.detector] = Saying(word, whole, [], *_kind(label, word, vocabulary))
        said.boxes += [Prediction(label.name, label.detector, each.confidence, each.box) for each in label.instances]
    return list(found.values())


def decisions(annotations: Iterable[Annotation], vocabulary: Vocabulary) -> list[Decision]:
    """What people decided, the earliest first. The annotations' labels are loaded."""
    ordered = sorted(annotations, key=lambda annotation: (annotation.decided_at, annotation.pk.hex))
    return [_decision(annotation, vocabulary) for annotation in ordered]


def box_of(row: Annotation, prefix: str = "") -> Box | None:
    """The box of an annotation, or with the prefix `predicted_` that of what was predicted."""
    values = [getattr(row, f"{prefix}{side}") for side in ("left", "top", "width", "height")]
    return None if None in values else Box(*values)


def _decision(annotation: Annotation, vocabulary: Vocabulary) -> Decision:
    told = annotation.predicted_label
    return Decision(
        id=annotation.pk,
        state=LabelState(annotation.state),
        # What a person chose is a label of ours, whatever a detector means by the same word.
        word=vocabulary.word(annotation.label.name, PEOPLE),
        instead_of=vocabulary.word(told.name, annotation.detector) if told is not None else None,
        box=box_of(annotation) or box_of(annotation, "predicted_"),
        predicted_box=box_of(annotation, "predicted_"),
        detector=annotation.detector,
        confidence=annotation.predicted_confidence or 100,
        decided_at=annotation.decided_at,
    )


def _surest_of_name(labels: Iterable[contract.Label]) -> list[contract.Label]:
    """One of each name and detector, as `record_result` keeps them; the surest first."""
    surest: dict[tuple[str, str], contract.Label] = {}
    for label in labels:
        known = surest.get((label.name, label.detector))
        if known is None or label.confidence > known.confidence:
            surest[label.name, label.detector] = label
    return sorted(surest.values(), key=lambda label: -label.confidence)


def _kind(
    label: contract.Label, word: Word, vocabulary: Vocabulary
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Parents, aliases and categories: the vocabulary's, or else the detector's."""
    parents = word.parents
    if parents is None:
        above = (vocabulary.word(name, label.detector) for name in label.parents)
        parents = tuple(each.title for each in above if each is not None)
    aliases = label.aliases if word.aliases is None else word.aliases
    categories = label.categories if word.categories is None else word.categories
    return parents, aliases, categories
