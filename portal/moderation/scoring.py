"""What makes an image worth a moderator's look: numbers from 0 to 100, from what is believed to be in it.

All of it speaks of predictions that nobody has decided on: where everything is decided, there is nothing to learn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import log
from uuid import UUID

from django.conf import settings
from django.db import connection

from portal.images.models import CurrentLabel, LabelState
from portal.moderation.matching import SAME_PLACE, iou
from portal.moderation.truth import Disagreement, TrueInstance, TrueLabel, Truth

# A label that so many images have is not rare.
COUNTED_AT_MOST = 200
# So many doubts make an image as uncertain as it can be.
_DOUBTS = 3
_WEIGHTS = {"uncertainty": 0.5, "disagreement": 0.3, "rarity": 0.2}
# Names in one statement: SQLite takes no more than 500 parts.
_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class Rating:
    """All numbers from 0 to 100."""

    uncertainty: float = 0
    disagreement: float = 0
    rarity: float = 0
    suggested: bool = False

    @property
    def score(self) -> float:
        """½ · uncertainty + 3⁄10 · disagreement + ⅕ · rarity; what its owner spoke of goes half the way up to 100."""
        score: float = sum(weight * getattr(self, name) for name, weight in _WEIGHTS.items())
        return (score + 100) / 2 if self.suggested else score


def rate(truth: Truth, commonness: Mapping[str, int], *, suggested: bool = False) -> Rating:
    """Rate an image. `commonness` says how many images have a label, by its title in lower case; unknown ones are rare.

    `suggested`: its owner said something that nobody has looked at.
    """
    open_labels = [label for label in truth.labels if label.state == LabelState.PREDICTED]
    return Rating(
        uncertainty(truth.labels),
        disagreement(truth.labels, truth.disagreements),
        max((rarity(commonness.get(label.name.lower(), 0)) for label in open_labels if _is_shown(label)), default=0.0),
        suggested,
    )


def uncertainty(labels: Iterable[TrueLabel]) -> float:
    """The mean of the three greatest doubts; where there are fewer, the missing ones are 0.

    The doubt in a prediction of confidence p percent is 100 − |2p − 100|: 100 at 50 %, 0 where the detector is sure of
    yes or no. For two outcomes this orders as least confidence, margin and entropy do (Settles, "Active Learning
    Literature Survey", 2009, section 3.1); taking several of an image together follows Brust et al., "Active Learning
    for Deep Object Detection", 2019.
    """
    doubts = sorted((100 - abs(2 * confidence - 100) for confidence in _undecided(labels)), reverse=True)
    return sum(doubts[:_DOUBTS]) / _DOUBTS


def disagreement(labels: Iterable[TrueLabel], with_people: Iterable[Disagreement] = ()) -> float:
    """How sure detectors are of what others of them deny: the greatest of these, in percent.

    - two detectors say the same label: the difference of their confidences;
    - both draw boxes of it: the confidence of a box that the other does not have (IoU below ½);
    - they draw boxes of different labels at the same place: the lesser confidence, unless one is a kind of the other;
    - a detector contradicts a person: its confidence, and 100 where it finds no more what a person had approved.

    A label that only one detector says is no disagreement: most do not know each other's words. After query by
    committee: Seung, Opper, Sompolinsky, 1992.
    """
    undecided = [label for label in labels if label.state == LabelState.PREDICTED]
    strengths = [100.0 if each.kind == "gone" else each.confidence for each in with_people]
    for one, other in combinations(undecided, 2):
        if one.detector != other.detector:
            strengths += _of_one_label(one, other) if one.name == other.name else _of_two_labels(one, other)
    return max(strengths, default=0.0)


def rarity(images: int) -> float:
    """100 · (1 − ln n ⁄ ln 200) for a label that `images` = n images have: 100 for the first one, 0 from 200 on.

    The logarithm of a share, as inverse document frequency is (Spärck Jones, 1972).
    """
    return 100 * (1 - log(min(max(images, 1), COUNTED_AT_MOST)) / log(COUNTED_AT_MOST))


def sample_order(image_id: UUID) -> float:
    """The place of an image in the random sample, from 0 to below 1: the same for ever, and nothing else has a say."""
    digest = hashlib.blake2b(image_id.bytes, digest_size=8, person=b"sample").digest()
    # As many bits as a float holds, so that it never rounds up to 1.
    return (int.from_bytes(digest) >> 11) / (1 << 53)


def commonness(names: Iterable[str]) -> dict[str, int]:
    """How many rows of labels there are of each of these names (titles in lower case), counted up to 200."""
    wanted = sorted(set(names))
    counted: dict[str, int] = {}
    table = connection.ops.quote_name(CurrentLabel._meta.db_table)
    # The ORM cannot count several slices in one statement. Only our table's name is put in; names are parameters.
    part = f"SELECT %s, COUNT(*) FROM (SELECT 1 FROM {table} WHERE name = %s LIMIT {COUNTED_AT_MOST}) AS rows_{{}}"  # noqa: S608
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        statement = " UNION ALL ".join(part.format(number) for number in range(len(some)))
        with connection.cursor() as cursor:
            cursor.execute(statement, [name for name in some for _ in range(2)])
            counted.update(cursor.fetchall())
    return counted


def _is_shown(label: TrueLabel) -> bool:
    return label.confidence >= settings.SHOWN_CONFIDENCE


def _undecided(labels: Iterable[TrueLabel]) -> Iterator[float]:
    """The confidences of all boxes, and of labels that have none."""
    for label in labels:
        if label.instances:
            yield from (each.confidence for each in _open_boxes(label))
        elif label.state == LabelState.PREDICTED:
            yield label.confidence


def _open_boxes(label: TrueLabel) -> list[TrueInstance]:
    return [instance for instance in label.instances if instance.state == LabelState.PREDICTED]


def _of_one_label(one: TrueLabel, other: TrueLabel) -> list[float]:
    boxes, others = _open_boxes(one), _open_boxes(other)
    strengths = [abs(one.confidence - other.confidence)]
    if boxes and others:
        strengths += [each.confidence for each in (*_without_twin(boxes, others), *_without_twin(others, boxes))]
    return strengths


def _without_twin(boxes: list[TrueInstance], others: list[TrueInstance]) -> list[TrueInstance]:
    return [each for each in boxes if not any(iou(each.box, other.box) >= SAME_PLACE for other in others)]


def _of_two_labels(one: TrueLabel, other: TrueLabel) -> list[float]:
    if one.name in other.parents or other.name in one.parents:
        return []
    return [
        min(each.confidence, facing.confidence)
        for each in _open_boxes(one)
        for facing in _open_boxes(other)
        if iou(each.box, facing.box) >= SAME_PLACE
    ]
