"""A decoded picture of any mode and size, made small, opaque and sRGB without a second full-size copy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import cast

from PIL import Image, ImageCms
from PIL.TiffImagePlugin import BITSPERSAMPLE, TiffImageFile

Size = tuple[int, int]
Flatten = Callable[[Image.Image], Image.Image]

# Pixels flattened at once.
_BAND_PIXELS = 1_000_000

# Averaging whole blocks first is cheap; it takes the picture down to no less than this many times its final size,
# which leaves enough for the fine resampling that follows.
_REDUCING_GAP = 1.5

# Of IEEE 754's 32 bits, the numbers of Pillow's mode F.
_GREATEST_FLOAT = 3.4028234663852886e38
_ONLY_255 = [0] * 255 + [255]

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
        share = 1 / (1 << (_bits(image) - 8))
        return lambda band: _in_bytes(band.convert("I"), share, 0)
    if image.mode in ("I", "F"):
        low, high = _value_range(image)
        scale = 255 / (high - low)
        return lambda band: _in_bytes(band, scale, 0.5 - low * scale)
    if image.has_transparency_data:
        return _on_white
    if image.mode in _OPAQUE_MODES:
        return None
    return lambda band: band.convert("RGB")


def _bits(image: Image.Image) -> int:
    """12-bit TIFF samples arrive in 16 bits unscaled; all other readers use the full range."""
    declared = image.tag_v2.get(BITSPERSAMPLE, (16,)) if isinstance(image, TiffImageFile) else (16,)
    return int(declared[0])


def _in_bytes(band: Image.Image, scale: float, offset: float) -> Image.Image:
    """Numbers in 8 bits, scaled, shifted and cut off behind the point, below 0 and above 255; NaN becomes black."""
    return band.point(lambda value: value * scale + offset).convert("L")


def _value_range(image: Image.Image) -> tuple[float, float]:
    """What to show as black and as white. Files do not say: 0-1 and 0-255 are taken as such, others are stretched."""
    low, high = 0.0, 1.0
    for _, band in _bands(image, max(1, _BAND_PIXELS // image.width)):
        least, most = _extrema(band)
        low, high = min(low, least), max(high, most)
    if low == 0 and 1 < high <= 255:
        high = 255.0
    return low, high


def _extrema(band: Image.Image) -> tuple[float, float]:
    """The least and the greatest finite value, or 0 in place of one that is not there. May change `band`."""
    if band.mode == "F":
        _neutralise(band)
    least, most = cast(tuple[float, float], band.getextrema())
    return least, most


def _neutralise(band: Image.Image) -> None:
    """Put 0, which every range of ours holds, where it would be infinite, or where its first value is no number.

    Other values that are no numbers are passed over by `getextrema`, being neither smaller nor greater than any.
    """
    if not math.isfinite(cast(float, band.getpixel((0, 0)))):
        band.putpixel((0, 0), 0.0)
    for bound, sign in zip(cast(tuple[float, float], band.getextrema()), (-1, 1), strict=True):
        if math.isinf(bound):
            # The greatest finite value comes out as 254; only what is infinite reaches 255.
            infinite = band.point(lambda value, factor=sign * 254 / _GREATEST_FLOAT: value * factor + 0).convert("L")
            band.paste(0.0, mask=infinite.point(_ONLY_255, "1"))


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
