"""From the bytes of an upload to the one upright RGB image that every detector and every page sees."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from PIL import Image

from recognition.decoding import decode, fit
from recognition.errors import PermanentError
from recognition.likeness import perceptual_hash
from recognition.limits import DEFAULT_LIMITS, Limits
from recognition.result import ImageInfo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DEFAULT_LIMITS", "Limits", "PreparedImage", "prepare"]

LONGEST_SIDE = 2048
PREVIEW_SIDE = 1600
THUMBNAIL_SIDE = 400

# Amazon Rekognition takes at most 5 MB as bytes.
MAX_DETECTION_BYTES = 5_000_000
_DETECTION_QUALITIES = (90, 80, 65, 45)
_PREVIEW_QUALITY = 85
_THUMBNAIL_QUALITY = 80


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """An upright, flattened image in the forms that detectors and pages need.

    `info` describes the original at its full upright size. `picture` is RGB, its longest side at most 2,048 px, not to
    be changed because detectors share it. `detection_jpeg` is the same picture as a JPEG of at most 5 MB; `preview` (at
    most 1,600 px) and `thumbnail` (at most 400 px) are smaller JPEGs. None of them carries metadata, none is larger
    than the original.
    """

    info: ImageInfo
    picture: Image.Image
    detection_jpeg: bytes
    preview: bytes
    thumbnail: bytes
    _array_lock: Any = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The picture as a read-only array: uint8 RGB, height x width x 3. Nothing else here needs numpy."""
        with self._array_lock:
            return self._array

    @cached_property
    def _array(self) -> NDArray[np.uint8]:
        import numpy as np

        return np.asarray(self.picture)

    def jpeg_within(self, max_bytes: int) -> bytes:
        """The detection JPEG, encoded again at a lower quality where it has more than `max_bytes` bytes."""
        return self.detection_jpeg if len(self.detection_jpeg) <= max_bytes else _jpeg_within(self.picture, max_bytes)


def prepare(source: bytes | Path | BinaryIO, limits: Limits = DEFAULT_LIMITS) -> PreparedImage:
    """Read, decode and turn upright whatever was uploaded; see PreparedImage for what comes out.

    A binary file is read from where it stands and left open. Raises PermanentError, with a code of its own for each
    way in which a file can be refused. Safe to call from several threads; one call needs up to
    `limits.max_decoder_bytes` of memory, plus the file's bytes and about 100 MB.
    """
    data = _read(source, limits.max_bytes)
    decoded = decode(data, LONGEST_SIDE, limits)
    preview = _shrunk(decoded.picture, PREVIEW_SIDE)
    thumbnail = _shrunk(preview, THUMBNAIL_SIDE)
    info = ImageInfo(
        format=decoded.kind.value,
        width=decoded.width,
        height=decoded.height,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        perceptual_hash=perceptual_hash(thumbnail),
    )
    return PreparedImage(
        info=info,
        picture=decoded.picture,
        detection_jpeg=_jpeg_within(decoded.picture, MAX_DETECTION_BYTES),
        preview=_jpeg(preview, _PREVIEW_QUALITY),
        thumbnail=_jpeg(thumbnail, _THUMBNAIL_QUALITY),
    )


def _read(source: bytes | Path | BinaryIO, max_bytes: int) -> bytes:
    """All the bytes, having read no more than one beyond the limit."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            return _read(file, max_bytes)
    data = source if isinstance(source, bytes) else b"".join(_chunks(source, max_bytes + 1))
    if len(data) > max_bytes:
        raise too_large(max_bytes)
    return data


def too_large(max_bytes: int) -> PermanentError:
    """What to say of a file of more bytes."""
    message = f"This file is larger than {max_bytes / 1e6:,.0f} MB, the most we can open."
    return PermanentError("file_too_large", message)


def _chunks(file: BinaryIO, at_most: int) -> Iterator[bytes]:
    """A stream from the network may answer each read with less than was asked for."""
    while at_most > 0 and (chunk := file.read(at_most)):
        at_most -= len(chunk)
        yield chunk


def _shrunk(picture: Image.Image, longest_side: int) -> Image.Image:
    """Hamming's filter is as sharp as a bicubic one when shrinking, for half the time."""
    target = fit(picture.size, longest_side)
    return picture if target == picture.size else picture.resize(target, Image.Resampling.HAMMING, reducing_gap=2.0)


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    output = BytesIO()
    picture.save(output, "JPEG", quality=quality)
    return output.getvalue()


def _jpeg_within(picture: Image.Image, max_bytes: int) -> bytes:
    """The best of a few qualities that fits; the lowest fits even pure noise of the largest size."""
    for quality in _DETECTION_QUALITIES:
        encoded = _jpeg(picture, quality)
        if len(encoded) <= max_bytes:
            break
    return encoded
