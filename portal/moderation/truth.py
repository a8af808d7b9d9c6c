"""What is in an image: the word of people first, and of detectors where nobody has said anything."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from portal.images.models import LabelState
from recognition.result import Box

# Who said what was corrected or added.
PEOPLE = "people"


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a detector said in one place, or (without a box) of the whole image. Confidence in percent."""

    name: str
    detector: str
    confidence: float
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class TrueInstance:
    """One box of a label, in fractions of the upright image. `confidence` is 100 where people said so.

    `predicted` is what a detector says there; None where none does. `annotation` names the word of a person, if any.
    """

    box: Box
    confidence: float
    state: LabelState
    predicted: Prediction | None = None
    annotation: UUID | None = None


@dataclass(frozen=True, slots=True)
class TrueLabel:
    """A label of the image by its title; one for each title and detector (PEOPLE for what was corrected or added)."""

    name: str
    detector: str
    confidence: float
    state: LabelState
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    instances: tuple[TrueInstance, ...] = ()
    predicted: Prediction | None = None
    annotation: UUID | None = None

    @property
    def by_people(self) -> bool:
        """Whether a person stands behind it; then no threshold hides it."""
        return self.state in (LabelState.APPROVED, LabelState.CORRECTED, LabelState.ADDED)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Where the newest recognition says something else than a person did. The person's word counts.

    `kind` is "rejected" (a detector says again what a person refused), "gone" (no detector says any more what a person
    approved or corrected) or "new" (a detector finds more in an image of which a person said that this is all).
    """

    kind: str
    name: str
    detector: str
    confidence: float
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """All labels that hold, those of people first, then the surest; what was refused; and where detectors disagree."""

    labels: tuple[TrueLabel, ...] = ()
    rejected: tuple[TrueLabel, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    completed: bool = False
