"""Pictures with a number drawn into them, which survives JPEG and scaling: what the fake Rekognition looks at."""

from __future__ import annotations

import io
from typing import Final

from PIL import Image, ImageDraw

_BITS: Final = 16
POISON: Final = 0xFFFF
"""The number at which the fake Rekognition breaks down, every time."""


def picture(number: int, *, width: int = 320, height: int = 240, quality: int = 85) -> bytes:
    """A JPEG whose top eighth has 16 cells, black or white: `number` in binary, the highest bit first."""
    colour = (60 + number * 37 % 120, 60 + number * 61 % 120, 60 + number * 97 % 120)
    image = Image.new("RGB", (width, height), colour)
    draw = ImageDraw.Draw(image)
    for bit in range(_BITS):
        shade = 255 if number >> (_BITS - 1 - bit) & 1 else 0
        left, right = bit * width // _BITS, (bit + 1) * width // _BITS - 1
        draw.rectangle((left, 0, right, height // 8), fill=(shade, shade, shade))
    written = io.BytesIO()
    image.save(written, "JPEG", quality=quality)
    return written.getvalue()


def number_in(jpeg: bytes) -> int:
    """The number drawn into a picture. Raises ValueError when a cell is neither black nor white."""
    with Image.open(io.BytesIO(jpeg)) as image:
        grey = image.convert("L")
    number = 0
    for bit in range(_BITS):
        shade = grey.getpixel(((bit * 2 + 1) * grey.width // (_BITS * 2), grey.height // 16))
        assert isinstance(shade, int)
        if 80 < shade < 175:
            raise ValueError(f"no marker in this picture: cell {bit} has the shade {shade}")
        number = number << 1 | (shade > 127)
    return number
