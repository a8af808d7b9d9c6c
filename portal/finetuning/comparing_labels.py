"""What differs between two answers about one picture: labels that appear, vanish or move. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from portal.moderation.matching import assign, iou
from recognition.result import Box

# From which intersection over union on two boxes of a label that are not in the same place are one that has moved, and
# not one that vanished here while another appeared there.
TOUCHING: Final = 0.1


class Kind(StrEnum):
    APPEARS = "appears"
    VANISHES = "vanishes"
    MOVES = "moves"


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a model said: a label in one place, or without a box of the whole picture. Percent."""

    label: str
    confidence: float
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """`box` is where the label is, of one that vanishes where it was; `before` where one that moves was."""

    kind: Kind
    label: str
    confidence: float
    box: Box | None = None
    before: Box | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind.value,
            "label": self.label,
            "confidence": round(self.confidence, 1),
            "box": _as_json(self.box),
            "before": _as_json(self.before),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Change:
        box, before = (Box(**values[name]) if values[name] else None for name in ("box", "before"))
        return cls(Kind(values["kind"]), values["label"], values["confidence"], box, before)


@dataclass(slots=True)
class Counts:
    """How many boxes of one label do what."""

    appears: int = 0
    vanishes: int = 0
    moves: int = 0
    stays: int = 0

    def add(self, other: Counts) -> None:
        self.appears += other.appears
        self.vanishes += other.vanishes
        self.moves += other.moves
        self.stays += other.stays

    @property
    def together(self) -> int:
        return self.appears + self.vanishes + self.moves + self.stays


@dataclass(frozen=True, slots=True)
class Comparison:
    """The changes, and by label how many boxes change or stay."""

    changes: tuple[Change, ...] = ()
    counts: Mapping[str, Counts] = field(default_factory=dict)


def compare(before: Iterable[Said], after: Iterable[Said]) -> Comparison:
    """What `after` says otherwise than `before`, label by label in the order of their names.

    Boxes are matched one to one, the best pairs first. Those that share half of their area or more are in the same
    place, however sure either model is. Of the rest, pairs that touch have moved.
    """
    earlier, later = _by_label(before), _by_label(after)
    changes: list[Change] = []
    counts: dict[str, Counts] = {}
    for label in sorted({*earlier, *later}, key=str.lower):
        found, counted = _of_label(earlier.get(label, []), later.get(label, []))
        changes += found
        counts[label] = counted
    return Comparison(tuple(changes), counts)


def _by_label(said: Iterable[Said]) -> dict[str, list[Said]]:
    found: dict[str, list[Said]] = defaultdict(list)
    for each in said:
        found[each.label].append(each)
    return found


def _of_label(before: Sequence[Said], after: Sequence[Said]) -> tuple[list[Change], Counts]:
    if any(each.box is None for each in (*before, *after)):
        return _of_whole_picture(before, after)
    stays, gone, new = _in_the_same_place(before, after)
    moved = _touching(gone, new)
    changes = [Change(Kind.MOVES, two.label, two.confidence, two.box, one.box) for one, two in moved]
    came, went = {id(two) for _, two in moved}, {id(one) for one, _ in moved}
    appeared = [each for each in new if id(each) not in came]
    vanished = [each for each in gone if id(each) not in went]
    changes += [Change(Kind.APPEARS, each.label, each.confidence, each.box) for each in appeared]
    changes += [Change(Kind.VANISHES, each.label, each.confidence, each.box) for each in vanished]
    return changes, Counts(len(appeared), len(vanished), len(moved), stays)


def _of_whole_picture(before: Sequence[Said], after: Sequence[Said]) -> tuple[list[Change], Counts]:
    """One of them knows no place: what counts is whether it is there at all."""
    if before and after:
        return [], Counts(stays=1)
    kind, (surest, *_) = (Kind.APPEARS, after) if after else (Kind.VANISHES, before)
    return [Change(kind, surest.label, surest.confidence)], Counts(appears=int(bool(after)), vanishes=int(bool(before)))


def _in_the_same_place(before: Sequence[Said], after: Sequence[Said]) -> tuple[int, list[Said], list[Said]]:
    """How many boxes stay, and those of either that have no counterpart."""
    boxes = [each.box for each in after if each.box is not None]
    known = [[each.box] for each in before if each.box is not None]
    assigned = assign(boxes, known)
    met = set(assigned.values())
    gone = [each for index, each in enumerate(before) if index not in met]
    return len(assigned), gone, [each for index, each in enumerate(after) if index not in assigned]


def _touching(gone: Sequence[Said], new: Sequence[Said]) -> list[tuple[Said, Said]]:
    """One to one, those that share the most first."""
    pairs = [
        (-share, old, place)
        for old, one in enumerate(gone)
        for place, two in enumerate(new)
        if one.box and two.box and (share := iou(one.box, two.box)) >= TOUCHING
    ]
    found: dict[int, int] = {}
    for _, old, place in sorted(pairs):
        if old not in found and place not in found.values():
            found[old] = place
    return [(gone[old], new[place]) for old, place in found.items()]


def _as_json(box: Box | None) -> dict[str, float] | None:
    if box is None:
        return None
    sides = {"left": box.left, "top": box.top, "width": box.width, "height": box.height}
    return {name: round(value, 7) for name, value in sides.items()}
