"""What a file is, by its first bytes: one of the image formats we read, or a sentence saying what it is instead."""

from __future__ import annotations

import re
from enum import StrEnum

from recognition.errors import PermanentError


class ImageFormat(StrEnum):
    """The formats we read; the values are the contract's `image.format`."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"
    GIF = "GIF"
    TIFF = "TIFF"
    BMP = "BMP"
    HEIF = "HEIF"
    AVIF = "AVIF"


_READABLE = "JPEG, PNG, WebP, GIF, TIFF, BMP, HEIC and AVIF"

_SIGNATURES = (
    (b"\xff\xd8\xff", ImageFormat.JPEG),
    (b"\x89PNG\r\n\x1a\n", ImageFormat.PNG),
    (b"GIF87a", ImageFormat.GIF),
    (b"GIF89a", ImageFormat.GIF),
    (b"II*\0", ImageFormat.TIFF),
    (b"MM\0*", ImageFormat.TIFF),
    (b"II+\0", ImageFormat.TIFF),
    (b"MM\0+", ImageFormat.TIFF),
)

# "BM" alone is how many a text begins; the length of the header that follows is one of a few.
_BMP_HEADER_LENGTHS = {12, 16, 40, 52, 56, 64, 108, 124}

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_AVIF_BRANDS = {b"avif", b"avis"}
_EITHER_BRANDS = {b"mif1", b"mif2", b"msf1", b"miaf"}
_RAW_PHOTO_BRAND = b"crx "

_VIDEO_SIGNATURES = (b"\x1aE\xdf\xa3", b"FLV\x01", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"0&\xb2u\x8ef\xcf\x11")
_OLD_QUICKTIME_BOXES = {b"moov", b"mdat", b"wide"}
_ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_MARKUP = re.compile(rb"<(?:!doctype\s+)?(html|head|body|script|(?:\w+:)?svg)\b", re.IGNORECASE)
_SEARCHED_BYTES = 4096

_REFUSALS = {
    "video_not_supported": f"This is a video; we can only look at still pictures: {_READABLE}.",
    "zip_not_supported": "This is a ZIP archive, whatever its name says: take the pictures out and upload those.",
    "pdf_not_supported": "This is a PDF document: export its pages as pictures and upload those.",
    "svg_not_supported": "This is an SVG drawing, made of shapes rather than pixels: export it as PNG and upload that.",
    "html_not_supported": "This is a web page, not a picture: save the picture itself and upload that.",
    "unsupported_format": f"This is not a picture of a kind we can read. We read {_READABLE}.",
}


def identify(data: bytes) -> ImageFormat:
    """The format that the first bytes declare, whatever the file's name says.

    Raises PermanentError when it is not one we read, with a code for what people most often send instead.
    """
    if not data:
        raise PermanentError("empty_file", "This file is empty: it has no bytes at all.")
    known = next((kind for signature, kind in _SIGNATURES if data.startswith(signature)), None) or _by_layout(data)
    if known is not None:
        return known
    code = _what_else(data)
    raise PermanentError(code, _REFUSALS[code])


def _by_layout(data: bytes) -> ImageFormat | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ImageFormat.WEBP
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADER_LENGTHS:
        return ImageFormat.BMP
    brands = _brands(data)
    if not brands or brands[0] not in _HEIF_BRANDS | _AVIF_BRANDS | _EITHER_BRANDS:
        return None
    # A neutral first brand leaves it to the compatible ones to tell which codec it is.
    telling = next((brand for brand in brands if brand in _HEIF_BRANDS | _AVIF_BRANDS), b"")
    return ImageFormat.AVIF if telling in _AVIF_BRANDS else ImageFormat.HEIF


def _brands(data: bytes) -> list[bytes]:
    """The brands of an ISO base media file (ISO/IEC 14496-12, `ftyp`): the major one, then the compatible ones."""
    if data[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(data[:4], "big"), len(data), _SEARCHED_BYTES)
    return [data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))]


def _what_else(data: bytes) -> str:
    brands = _brands(data)
    start = data[:_SEARCHED_BYTES].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0")
    if (brands and brands[0] != _RAW_PHOTO_BRAND) or data.startswith(_VIDEO_SIGNATURES):
        return "video_not_supported"
    if data[4:8] in _OLD_QUICKTIME_BOXES or (data[:4] == b"RIFF" and data[8:12] == b"AVI "):
        return "video_not_supported"
    if data.startswith(_ZIP_SIGNATURES):
        return "zip_not_supported"
    if start.startswith(b"%PDF-"):
        return "pdf_not_supported"
    # In UTF-16 every other byte of markup is zero.
    markup = _MARKUP.search(start.replace(b"\0", b"")) if start.startswith(b"<") else None
    if markup is None:
        return "unsupported_format"
    return "svg_not_supported" if markup[1].lower().endswith(b"svg") else "html_not_supported"
