"""From a file's bytes to one upright RGB picture, bounded in memory whatever the file holds.

Pillow's format classes are called directly instead of through `Image.open`: nothing is registered or switched
process-wide, a format that runs other programs can never be chosen, and our pixel limit rules instead of Pillow's.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from itertools import takewhile

from PIL import Image, ImageFile
from PIL.ExifTags import Base as ExifTag
from PIL.JpegImagePlugin import JpegImageFile

from recognition.errors import PermanentError
from recognition.flattening import Size, flattened
from recognition.formats import ImageFormat, identify
from recognition.limits import Limits
from recognition.truncation import is_cut_off, tiff_entries

# Nothing narrower than this can be recognised (a favicon is 16 px), and detectors divide by sizes after shrinking.
MIN_SIDE = 16

# JPEGs are decoded at 1/2, 1/4 or 1/8 of their size where that still leaves this share of what is asked for: a phone's
# 4,032 px then come out as 2,016 px for a quarter of the work, and without a second resampling.
_DRAFT_SHARE = 0.93

# A progressive file can order any number of passes over all its pixels with a few bytes each; encoders write about ten.
_MAX_JPEG_SCANS = 100
_JPEG_END = b"\xff\xd9"
_JPEG_SCAN_OR_END = re.compile(rb"\xff[\xda\xd9]")

# Each value becomes Python objects before anything is decoded; a 100-megapixel TIFF of one-row strips has fewer.
_MAX_TIFF_VALUES = 200_000

_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = {5, 6, 7, 8}

# Module and class; imported when first used, because most uploads are JPEGs and the others' libraries are large.
# JpegImageFile reads the first picture of a multi-picture JPEG (MPO), which is the photo.
_READERS = {
    ImageFormat.JPEG: ("PIL.JpegImagePlugin", "JpegImageFile"),
    ImageFormat.PNG: ("PIL.PngImagePlugin", "PngImageFile"),
    ImageFormat.WEBP: ("PIL.WebPImagePlugin", "WebPImageFile"),
    ImageFormat.GIF: ("PIL.GifImagePlugin", "GifImageFile"),
    ImageFormat.TIFF: ("PIL.TiffImagePlugin", "TiffImageFile"),
    ImageFormat.BMP: ("PIL.BmpImagePlugin", "BmpImageFile"),
    ImageFormat.HEIF: ("pillow_heif.as_plugin", "HeifImageFile"),
    ImageFormat.AVIF: ("PIL.AvifImagePlugin", "AvifImageFile"),
}

# Peak memory while decoding, measured, in bytes per declared pixel. TIFF: Pillow turns the full picture. WebP and AVIF:
# their decoders keep whole canvases of their own. JPEG: at most what is not read in draft mode.
_BYTES_PER_PIXEL = {
    ImageFormat.JPEG: 2,
    ImageFormat.PNG: 4,
    ImageFormat.GIF: 4,
    ImageFormat.BMP: 4,
    ImageFormat.TIFF: 8,
    ImageFormat.HEIF: 10,
    ImageFormat.WEBP: 16,
    ImageFormat.AVIF: 16,
}
# A progressive JPEG is kept whole, unlike others that are read line by line.
_BYTES_PER_PROGRESSIVE_JPEG_SAMPLE = 2
_BYTES_PER_DEEP_HEIF_PIXEL = 15

# What Pillow's readers raise for bytes they cannot make sense of; they document no narrower set. Only calls into the
# readers and walks along the file's own structure stand inside `_reading`, so that a mistake of ours elsewhere is never
# blamed on the file. MemoryError is not here: it may pass, and is worth another try.
_READER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RuntimeError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """`picture` is upright, RGB, without any metadata; `width` and `height` are the original's, upright, in pixels."""

    kind: ImageFormat
    width: int
    height: int
    picture: Image.Image


def decode(data: bytes, longest_side: int, limits: Limits) -> DecodedImage:
    """Decode the first frame, shrunk (never enlarged) to at most `longest_side` pixels.

    Raises PermanentError for everything that is not a readable picture within the limits.
    """
    kind = identify(data)
    read = _reader(kind)
    with _reading(kind, data, limits):
        if kind is ImageFormat.TIFF:
            _refuse_endless_directory(data)
        image = read(BytesIO(data))
    declared = image.size
    _check_size(kind, image, limits)
    with _reading(kind, data, limits):
        if isinstance(image, JpegImageFile):
            _refuse_endless_scans(image, data)
            image.draft(None, fit(declared, int(longest_side * _DRAFT_SHARE)))
        image.load()
        orientation = _orientation(image)
    picture = flattened(image, fit(image.size, longest_side))
    if orientation in _TRANSPOSITIONS:
        picture = picture.transpose(_TRANSPOSITIONS[orientation])
    picture.info = {}  # Pillow would write a comment in it into every JPEG
    width, height = declared[::-1] if orientation in _SIDEWAYS else declared
    return DecodedImage(kind, width, height, picture)


def fit(size: Size, longest_side: int) -> Size:
    """The largest (width, height) of the same shape, not above `size`, whose longer side is at most `longest_side`."""
    scale = min(1.0, longest_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _reader(kind: ImageFormat) -> Callable[[BytesIO], ImageFile.ImageFile]:
    module, name = _READERS[kind]
    reader: Callable[[BytesIO], ImageFile.ImageFile] = getattr(import_module(module), name)
    return reader


@contextmanager
def _reading(kind: ImageFormat, data: bytes, limits: Limits) -> Iterator[None]:
    try:
        yield
    except Image.DecompressionBombError as error:  # Pillow's own bound in WebP's and GIF's readers
        raise _too_many_pixels(kind, "more than that", _most_pixels(limits, _BYTES_PER_PIXEL[kind])) from error
    except _READER_ERRORS as error:
        if is_cut_off(kind, data):
            message = "We could not read this file: it is cut off part-way. Copy or download it again, then retry."
            raise PermanentError("truncated_image", message) from error
        raise _corrupt(kind) from error


def _corrupt(kind: ImageFormat) -> PermanentError:
    return PermanentError("corrupt_image", f"We could not read this file: it begins as {kind}, but is damaged inside.")


def _too_many_pixels(kind: ImageFormat, found: str, most: int) -> PermanentError:
    message = (
        f"This image is too large: we open {kind} files of up to {most / 1e6:,.4g} megapixels, and it has {found}."
    )
    return PermanentError("too_many_pixels", message)


def _check_size(kind: ImageFormat, image: ImageFile.ImageFile, limits: Limits) -> None:
    width, height = image.size
    most = _most_pixels(limits, _bytes_per_pixel(kind, image))
    if width * height > most:
        found = f"{width * height / 1e6:,.1f} ({width:,} × {height:,} pixels)"
        raise _too_many_pixels(kind, found, most)
    if min(width, height) < MIN_SIDE:
        message = f"This image is too small to see anything in: {width} × {height} pixels, below {MIN_SIDE} on a side."
        raise PermanentError("image_too_small", message)


def _most_pixels(limits: Limits, bytes_per_pixel: int) -> int:
    return min(limits.max_pixels, limits.max_decoder_bytes // bytes_per_pixel)


def _bytes_per_pixel(kind: ImageFormat, image: ImageFile.ImageFile) -> int:
    if isinstance(image, JpegImageFile) and "progressive" in image.info:
        return math.ceil(_BYTES_PER_PROGRESSIVE_JPEG_SAMPLE * _samples_per_pixel(image))
    if kind is ImageFormat.HEIF and image.info.get("bit_depth", 8) > 8:
        return _BYTES_PER_DEEP_HEIF_PIXEL
    return _BYTES_PER_PIXEL[kind]


def _samples_per_pixel(image: JpegImageFile) -> float:
    """3 for colours at full resolution, 1.5 where colour has half of it each way, 4 for CMYK."""
    shares = [across * down for _, across, down, _ in image.layer]
    return sum(shares) / max(shares)


def _refuse_endless_directory(data: bytes) -> None:
    if any(entry.count > _MAX_TIFF_VALUES and entry.is_numbers for entry in tiff_entries(data)):
        raise _corrupt(ImageFormat.TIFF)


def _refuse_endless_scans(image: JpegImageFile, data: bytes) -> None:
    """Count the passes of the main picture; what follows its end (a video, more pictures) may hold any bytes."""
    marks = (match[0] for match in _JPEG_SCAN_OR_END.finditer(data, image.tile[0].offset))
    scans = sum(1 for _ in takewhile(lambda mark: mark != _JPEG_END, marks))
    if scans > _MAX_JPEG_SCANS:
        raise _corrupt(ImageFormat.JPEG)


def _orientation(image: ImageFile.ImageFile) -> int:
    """The EXIF orientation still to be applied: pillow-heif and Pillow's TIFF reader have applied theirs by now."""
    try:
        value = image.getexif().get(ExifTag.Orientation)
    except _READER_ERRORS:  # unreadable EXIF spoils no picture
        return 1
    return value if value in _TRANSPOSITIONS else 1
