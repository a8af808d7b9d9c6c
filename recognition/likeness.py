"""A hash that is alike for pictures that look alike, by which near-duplicates are found.

The signs of the 255 lowest frequencies of a discrete cosine transform, in whole numbers throughout, so that the same
picture has the same hash on every machine. Differences of brightness between neighbours (dHash) would be cheaper, but
say nothing where a picture is plain: drawn shapes on one colour would all be alike.
Source: C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, chapter 3.2.1
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import add, mul, sub

from PIL import Image

DIGITS = 64

_SIDE = 32
_FREQUENCIES = 16
# Of each wave the first half: the second is its mirror image, with the other sign where the frequency is odd.
_WAVES = tuple(
    tuple(round(4096 * math.cos(math.pi * (2 * place + 1) * frequency / (2 * _SIDE))) for place in range(_SIDE // 2))
    for frequency in range(_FREQUENCIES)
)
# Across and down, from coarse to fine; the very first, the brightness of it all, says nothing.
_ORDER = tuple(
    sorted(
        ((across, down) for across in range(_FREQUENCIES) for down in range(_FREQUENCIES)),
        key=lambda pair: (sum(pair), pair),
    )[1:]
)


def perceptual_hash(picture: Image.Image) -> str:
    """64 hex digits (255 bits, coarse structure first) of an upright RGB picture; all 0 when it is of one colour.

    How many bits differ says how different two pictures look: none or a few for copies in other sizes and qualities,
    about 128 for pictures that have nothing to do with each other.
    """
    small = picture.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR).tobytes()
    mean = round(sum(small) / len(small))
    pixels = [value - mean for value in small]
    rows = [_strengths(pixels[start : start + _SIDE]) for start in range(0, len(pixels), _SIDE)]
    strengths = [_strengths(column) for column in zip(*rows, strict=True)]
    bits = 0
    for across, down in _ORDER:
        bits = bits << 1 | (strengths[across][down] > 0)
    return f"{bits:0{DIGITS}x}"


def _strengths(values: Sequence[int]) -> list[int]:
    """How strong each frequency is in a line of _SIDE values."""
    half = _SIDE // 2
    mirrored = values[: half - 1 : -1]
    sums, differences = list(map(add, values, mirrored)), list(map(sub, values, mirrored))
    folded = (sums, differences)
    return [sum(map(mul, wave, folded[frequency % 2])) for frequency, wave in enumerate(_WAVES)]
