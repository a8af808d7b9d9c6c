"""Pictures of drawn shapes with known boxes: data without a download, the same for the same seed."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from PIL import Image, ImageDraw

SHAPES = ("circle", "square", "star", "triangle")
# What a model that knows the others has never seen.
NEW_SHAPES = ("arrow", "cross", "heart")

Point = tuple[float, float]
Color = tuple[int, int, int]

_OVERSAMPLING = 2
_LARGEST_OVERLAP = 0.1
_TRIES = 40


@dataclass(frozen=True, slots=True)
class DrawnShape:
    """One shape and its tight box: corners in pixels of the picture."""

    name: str
    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: DrawnShape) -> float:
        """Intersection over union of the two boxes."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(width, 0.0) * max(height, 0.0)
        return shared / (self.area + other.area - shared)

    @property
    def area(self) -> float:
        return (self.right - self.left) * (self.bottom - self.top)


def draw(
    seed: int, width: int = 320, height: int = 320, names: Sequence[str] = SHAPES
) -> tuple[Image.Image, tuple[DrawnShape, ...]]:
    """An RGB picture of one to five rotated shapes of these names before a cluttered background, and where they are."""
    dice = random.Random(seed)  # noqa: S311 - a picture, not a secret
    picture = _background(dice, width, height)
    pen = ImageDraw.Draw(picture)
    placed: list[DrawnShape] = []
    wanted = dice.randint(1, 5)
    for _ in range(_TRIES):
        if len(placed) == wanted:
            break
        name = dice.choice(names)
        outline = _outline(dice, name, width, height)
        shape = _bounds(name, outline)
        if all(shape.overlap(other) <= _LARGEST_OVERLAP for other in placed):
            pen.polygon([(x * _OVERSAMPLING, y * _OVERSAMPLING) for x, y in outline], fill=_color(dice))
            placed.append(shape)
    return picture.reduce(_OVERSAMPLING), tuple(placed)


def _background(dice: random.Random, width: int, height: int) -> Image.Image:
    """A coarse colour gradient crossed by thin lines and specks, at the oversampled size."""
    size = (width * _OVERSAMPLING, height * _OVERSAMPLING)
    corners = Image.new("RGB", (2, 2))
    corners.putdata([_color(dice) for _ in range(4)])
    picture = corners.resize(size, Image.Resampling.BILINEAR)
    pen = ImageDraw.Draw(picture)
    for _ in range(dice.randint(4, 12)):
        ends = [(dice.uniform(0, size[0]), dice.uniform(0, size[1])) for _ in range(2)]
        pen.line(ends, fill=_color(dice), width=dice.randint(1, 4))
    for _ in range(dice.randint(10, 30)):
        x, y, radius = dice.uniform(0, size[0]), dice.uniform(0, size[1]), dice.uniform(2, 8)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_color(dice))
    return picture


def _outline(dice: random.Random, name: str, width: int, height: int) -> list[Point]:
    """The corners of a randomly sized, placed and turned shape, wholly inside the picture."""
    radius = dice.uniform(0.09, 0.22) * min(width, height)
    center = dice.uniform(radius, width - radius), dice.uniform(radius, height - radius)
    turn = dice.uniform(0, math.tau)
    return [
        (center[0] + radius * reach * math.cos(turn + angle), center[1] + radius * reach * math.sin(turn + angle))
        for reach, angle in _corners(name)
    ]


@cache
def _corners(name: str) -> tuple[Point, ...]:
    """The corners of a shape of radius 1 as (distance from the center, angle)."""
    if name in _POINTS:
        return tuple((math.hypot(x, y), math.atan2(y, x)) for x, y in _POINTS[name])
    reaches = [1.0, 0.45] * 5 if name == "star" else [1.0] * {"circle": 64, "square": 4, "triangle": 3}[name]
    return tuple((reach, math.tau * corner / len(reaches)) for corner, reach in enumerate(reaches))


def _heart() -> tuple[Point, ...]:
    """Scaled to a radius of 1. Source of the curve: https://mathworld.wolfram.com/HeartCurve.html"""
    turns = [math.tau * corner / 48 for corner in range(48)]
    across = [16 * math.sin(turn) ** 3 for turn in turns]
    up = [13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t) for t in turns]
    return tuple((x / 18.25, -(y + 2.5) / 18.25) for x, y in zip(across, up, strict=True))


_ARM, _REACH = 0.3, 0.95
_POINTS: Final[Mapping[str, tuple[Point, ...]]] = {
    "arrow": ((1, 0), (0.1, 0.75), (0.1, 0.28), (-0.95, 0.28), (-0.95, -0.28), (0.1, -0.28), (0.1, -0.75)),
    "cross": (
        *((_ARM, _REACH), (_ARM, _ARM), (_REACH, _ARM), (_REACH, -_ARM), (_ARM, -_ARM), (_ARM, -_REACH)),
        *((-_ARM, -_REACH), (-_ARM, -_ARM), (-_REACH, -_ARM), (-_REACH, _ARM), (-_ARM, _ARM), (-_ARM, _REACH)),
    ),
    "heart": _heart(),
}


def _bounds(name: str, outline: list[Point]) -> DrawnShape:
    across, down = zip(*outline, strict=True)
    return DrawnShape(name, min(across), min(down), max(across), max(down))


def _color(dice: random.Random) -> Color:
    return dice.randrange(256), dice.randrange(256), dice.randrange(256)
