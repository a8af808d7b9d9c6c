"""Which boxes are the same: those that share the greater part of their area."""

from __future__ import annotations

from collections.abc import Sequence

from recognition.result import Box

# From which intersection over union on two boxes speak of the same thing, as in PASCAL VOC's and COCO's evaluation.
SAME_PLACE = 0.5


def iou(one: Box, other: Box) -> float:
    """Intersection over union, 0 to 1; 0 where neither has an area."""
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    shared = max(width, 0.0) * max(height, 0.0)
    together = one.width * one.height + other.width * other.height - shared
    return shared / together if together > 0 else 0.0


def assign(boxes: Sequence[Box], known: Sequence[Sequence[Box]]) -> dict[int, int]:
    """Assign boxes one to one to things that are known, each by one or more boxes of its own.

    The best pairs go first; none shares less than half. Returns the index of the thing by the index of the box.
    """
    pairs = [
        (-share, place, thing)
        for place, box in enumerate(boxes)
        for thing, own in enumerate(known)
        if (share := max((iou(box, each) for each in own), default=0.0)) >= SAME_PLACE
    ]
    assigned: dict[int, int] = {}
    taken = set[int]()
    for _, place, thing in sorted(pairs):
        if place not in assigned and thing not in taken:
            assigned[place] = thing
            taken.add(thing)
    return assigned
