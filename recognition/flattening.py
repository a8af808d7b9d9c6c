"""A decoded picture of any mode and size, made small, opaque and sRGB without a second full-size copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import BITSPERSAMPLE, TiffImageFile

Size = tuple[int, int]
Flatten = Callable[[Image.Image], Image.Image]

# Pixels flattened at once.
_BAND_PIXELS = 1_000_000

# Averaging whole blocks first is cheap; it takes the picture down to no less than this many times its final size,
# which leaves enough for the fine resampling that follows.
_REDUCING_GAP = 1.5

# The modes that can be shrunk as they are, with the colour space that a fitting ICC profile names.
_OPAQUE_MODES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab"}


def flattened(image: Image.Image, target: Size) -> Image.Image:
    """`image` at `target` size (width, height; not larger than it is) as plain RGB: white behind, colours in sRGB.

    Its memory besides `image` is at most that of a picture three times the target's sides.
    """
    profile = image.info.get("icc_profile")
    factor = max(1, int(min(image.width / target[0], image.height / target[1]) / _REDUCING_GAP))
    flatten = _flatten(image)
    if flatten is not None:
        image = _by_bands(image, factor, flatten)
    elif factor > 1:
        image = image.reduce(factor)
    if image.size != target:
        image = image.resize(target, Image.Resampling.BICUBIC)
    return _in_srgb(image, profile)


def _bands(image: Image.Image, rows: int) -> Iterator[tuple[int, Image.Image]]:
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _by_bands(image: Image.Image, factor: int, flatten: Flatten) -> Image.Image:
    canvas = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    rows = factor * max(1, _BAND_PIXELS // (image.width * factor))
    for top, band in _bands(image, rows):
        canvas.paste(flatten(band).reduce(factor), (0, top // factor))
    return canvas


def _flatten(image: Image.Image) -> Flatten | None:
    """What turns a piece of `image` into opaque 8-bit colour or grey; None where it already is that."""
    if image.mode.startswith("I;16"):
        shift = _bits(image) - 8
        return lambda band: Image.fromarray((np.asarray(band) >> shift).astype(np.uint8))
    if image.mode in ("I", "F"):
        low, high = _value_range(image)
        return lambda band: Image.fromarray(_to_bytes(np.asarray(band), low, high))
    if image.has_transparency_data:
        return _on_white
    if image.mode in _OPAQUE_MODES:
        return None
    return lambda band: band.convert("RGB")


def _bits(image: Image.Image) -> int:
    """12-bit TIFF samples arrive in 16 bits unscaled; all other readers use the full range."""
    declared = image.tag_v2.get(BITSPERSAMPLE, (16,)) if isinstance(image, TiffImageFile) else (16,)
    return int(declared[0])


def _value_range(image: Image.Image) -> tuple[float, float]:
    """What to show as black and as white. Files do not say: 0-1 and 0-255 are taken as such, others are stretched."""
    low, high = 0.0, 1.0
    for _, band in _bands(image, max(1, _BAND_PIXELS // image.width)):
        values = np.asarray(band)
        values = values[np.isfinite(values)]
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    if low == 0 and 1 < high <= 255:
        high = 255.0
    return low, high


def _to_bytes(values: NDArray[np.generic], low: float, high: float) -> NDArray[np.uint8]:
    finite = np.nan_to_num(values.astype(np.float64), nan=low, posinf=high, neginf=low)
    return ((finite - low) * (255 / (high - low))).round().astype(np.uint8)


def _on_white(band: Image.Image) -> Image.Image:
    band = band.convert("RGBA")
    white = Image.new("RGB", band.size, "white")
    white.paste(band, mask=band.getchannel("A"))
    return white


def _in_srgb(image: Image.Image, icc_profile: bytes | None) -> Image.Image:
    """The colours that the profile means. A broken profile, or one for another kind of picture, is as good as none."""
    try:
        profile = _profile(image, icc_profile)
        if profile is not None:
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")
            return image if converted is None else converted
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        pass
    return image if image.mode == "RGB" else image.convert("RGB")


def _profile(image: Image.Image, icc_profile: bytes | None) -> ImageCms.ImageCmsProfile | None:
    if image.mode == "LAB":
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    if not icc_profile:
        return None
    profile = ImageCms.ImageCmsProfile(BytesIO(icc_profile))
    described = profile.profile.profile_description or ""
    fits = profile.profile.xcolor_space.strip() == _OPAQUE_MODES[image.mode]
    return profile if fits and not described.startswith("sRGB") else None
