"""Prepared images from plain arrays, and the photos that come inside scikit-image and scikit-learn."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import skimage
import sklearn
from numpy.typing import NDArray
from PIL import Image

from recognition.image import PreparedImage
from recognition.result import ImageInfo

_FOLDERS = (
    Path(skimage.__file__).parent / "data",
    Path(sklearn.__file__).parent / "datasets" / "images",
)


def photo(file_name: str) -> NDArray[np.uint8]:
    """A bundled photo as uint8 RGB, without the network."""
    path = next(folder / file_name for folder in _FOLDERS if (folder / file_name).is_file())
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def prepared(pixels: NDArray[np.uint8]) -> PreparedImage:
    """What `prepare` makes of a picture already upright and small enough."""
    picture = Image.fromarray(np.array(pixels, dtype=np.uint8))
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=95)
    content = jpeg.getvalue()
    info = ImageInfo("JPEG", picture.width, picture.height, len(content), hashlib.sha256(content).hexdigest())
    return PreparedImage(info, picture, content, content, content)
