"""The photos that are measured with: those that come inside scikit-image and scikit-learn."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageEnhance
from skimage import data
from sklearn.datasets import load_sample_images


def photos() -> list[Image.Image]:
    """Astronaut, coffee, page, china and flower, at their own sizes."""
    arrays = [data.astronaut(), data.coffee(), data.page(), *load_sample_images().images]
    return [Image.fromarray(np.asarray(array)).convert("RGB") for array in arrays]


def distinct_jpegs(count: int, longest_side: int = 2048) -> Iterator[bytes]:
    """`count` JPEGs of `longest_side` pixels, no two with the same bytes."""
    originals = photos()
    for number in range(count):
        photo = originals[number % len(originals)]
        scale = longest_side / max(photo.size)
        photo = photo.resize((round(photo.width * scale), round(photo.height * scale)))
        encoded = io.BytesIO()
        ImageEnhance.Brightness(photo).enhance(1 - number / (4 * count)).save(encoded, "JPEG", quality=88)
        yield encoded.getvalue()
