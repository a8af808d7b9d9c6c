"""Files that no upload may survive as a picture: what each is named, holds, and must be refused as."""

from __future__ import annotations

import random
import struct
import zipfile
import zlib
from functools import cache
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from pillow_heif import from_pillow


class Hostile(NamedTuple):
    name: str
    filename: str
    content: bytes
    expected_code: str


def picture(width: int = 96, height: int = 64) -> Image.Image:
    """A noisy gradient: enough data in every format for half of the file to lie inside the pixels."""
    noise = np.random.default_rng(0).integers(0, 60, (height, width, 3))
    slope = np.linspace(0, 190, width).astype(int)[None, :, None]
    return Image.fromarray((noise + slope).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """`image` as a file of `kind`, a Pillow format name or HEIF."""
    output = BytesIO()
    if kind == "HEIF":
        from_pillow(image).save(output, **options)
    else:
        image.save(output, kind, **options)
    return output.getvalue()


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, pixels: bytes, color_type: int = 0, before: bytes = b"") -> bytes:
    """A PNG of 8-bit samples around ready compressed `pixels`; `before` holds chunks to go ahead of them."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color_type, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")


def flat_rgba_png(width: int, height: int) -> bytes:
    """A whole PNG of one half-transparent colour, made row by row: the file is a thousandth of its pixels."""
    compressor = zlib.compressobj(1)
    row = b"\0" + b"\x20\x60\xa0\x80" * width
    rows = [compressor.compress(row) for _ in range(height)]
    return png(width, height, b"".join(rows) + compressor.flush(), color_type=6)


def jpeg_that_claims(width: int, height: int) -> bytes:
    data = encoded(picture(), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def _endless_jpeg() -> bytes:
    """A progressive JPEG that repeats its first pass ten thousand times."""
    data = encoded(picture(), "JPEG", progressive=True)
    first = data.index(b"\xff\xda")
    second = data.index(b"\xff\xda", first + 2)
    return data[:second] + data[first:second] * 10_000 + data[second:]


def _tiff_of_endless_strips() -> bytes:
    strips = 1_000_000
    entries = [(256, 4, 1, 5000), (257, 4, 1, 5000), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, strips, 200), (277, 3, 1, 1), (278, 4, 1, 1)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return (b"II*\0" + struct.pack("<I", 8) + directory).ljust(200, b"\0") + b"\xc8\0\0\0" * strips


def _archive(*names: str) -> bytes:
    output = BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        for name in names:
            archive.writestr(name, b"hello")
    return output.getvalue()


def _damaged_png() -> bytes:
    data = encoded(picture(), "PNG")
    at = data.index(b"IDAT") + 40
    return data[:at] + bytes(200) + data[at + 200 :]


def _half(kind: str, **options: Any) -> bytes:
    data = encoded(picture(), kind, **options)
    return data[: len(data) // 2]


_SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><rect width="9"/></svg>'
_HTML = b"\n<!DOCTYPE html><html><body><script>alert(1)</script><svg></svg></body></html>"
_MP4 = b"\0\0\0\x18ftypisom\0\0\x02\0isommp42" + b"\0\0\0\x08free"
_TEXT_BOMB = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80_000_000)))


@cache
def hostile_files() -> tuple[Hostile, ...]:
    """One of each, in a stable order; the whole set is under 10 MB."""
    return (
        Hostile("nothing at all", "empty.jpg", b"", "empty_file"),
        Hostile("svg drawing", "drawing.jpg", _SVG, "svg_not_supported"),
        Hostile("web page", "page.png", _HTML, "html_not_supported"),
        Hostile("zip archive", "photos.jpg", _archive("a.jpg"), "zip_not_supported"),
        Hostile("word document", "letter.png", _archive("[Content_Types].xml"), "zip_not_supported"),
        Hostile("pdf document", "scan.jpg", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "pdf_not_supported"),
        Hostile("video", "film.jpg", _MP4, "video_not_supported"),
        Hostile("text", "notes.png", "Grüße aus Köln\n".encode(), "unsupported_format"),
        Hostile("random bytes", "noise.jpg", b"\x07" + random.Random(7).randbytes(50_000), "unsupported_format"),
        Hostile("postscript program", "program.png", b"%!PS-Adobe-3.0 EPSF-3.0\n", "unsupported_format"),
        Hostile("one pixel", "pixel.png", encoded(picture(1, 1), "PNG"), "image_too_small"),
        Hostile("thin line", "line.gif", encoded(picture(500, 2), "GIF"), "image_too_small"),
        Hostile("png bomb", "bomb.png", png(50_000, 50_000, zlib.compress(bytes(10**6))), "too_many_pixels"),
        Hostile("lying jpeg", "lying.jpg", jpeg_that_claims(65_535, 65_535), "too_many_pixels"),
        Hostile("webp bomb", "bomb.webp", _webp_that_claims(16_384, 16_384), "too_many_pixels"),
        Hostile(
            "gif bomb",
            "bomb.gif",
            b"GIF89a" + b"\xff" * 4 + b"\0\0\0," + bytes(4) + b"\xff" * 4 + b"\0\x02",
            "too_many_pixels",
        ),
        Hostile("png with a text bomb", "text.png", png(64, 64, b"", before=_TEXT_BOMB), "corrupt_image"),
        Hostile("jpeg of endless scans", "endless.jpg", _endless_jpeg(), "corrupt_image"),
        Hostile("tiff of endless strips", "endless.tif", _tiff_of_endless_strips(), "corrupt_image"),
        Hostile("damaged png", "damaged.png", _damaged_png(), "corrupt_image"),
        *(Hostile(f"half a {kind}", f"half.{kind.lower()}", _half(kind), "truncated_image") for kind in _KINDS),
    )


_KINDS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "HEIF", "AVIF")


def _webp_that_claims(width: int, height: int) -> bytes:
    canvas = (
        b"VP8X" + struct.pack("<II", 10, 0) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    )
    return b"RIFF" + struct.pack("<I", len(canvas) + 4) + b"WEBP" + canvas
