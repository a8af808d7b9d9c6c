"""Whether a file that would not decode ends before its own structure says it should.

Only asked once a decoder has failed: many a file lacks its last bytes and still shows the whole picture.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from recognition.formats import ImageFormat


def is_cut_off(kind: ImageFormat, data: bytes) -> bool:
    """True when the file stops part-way, false when all of it is there (and must be damaged in another way)."""
    try:
        return _CHECKS[kind](data)
    except struct.error:  # a field would lie beyond the end
        return True


def _jpeg(data: bytes) -> bool:
    position = 2
    while True:
        marker, length = struct.unpack_from(">HH", data, position)
        if marker < 0xFF00:
            return False
        position += 2 + length
        if marker == 0xFFDA:
            return b"\xff\xd9" not in data[position:]


def _png(data: bytes) -> bool:
    position, name = 8, b""
    while name != b"IEND":
        length, name = struct.unpack_from(">I4s", data, position)
        position += 12 + length
    return position > len(data)


def _riff(data: bytes) -> bool:
    (length,) = struct.unpack_from("<I", data, 4)
    return bool(8 + length > len(data))


def _gif(data: bytes) -> bool:
    return not data.rstrip(b"\0").endswith(b";")


def _bmp(data: bytes) -> bool:
    (length,) = struct.unpack_from("<I", data, 2)
    return bool(length > len(data))


def _iso_media(data: bytes) -> bool:
    """Walk the top-level boxes (ISO/IEC 14496-12, section 4.2): length 0 runs to the end, 1 means a 64-bit length."""
    position = 0
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, position + 8)
        if length < 8:
            return False
        position += length
    return position > len(data)


@dataclass(frozen=True, slots=True)
class TiffEntry:
    """One field of a TIFF's first directory: `count` values of struct type `value_type`, from byte `position` on."""

    tag: int
    count: int
    value_type: str
    position: int

    @property
    def end(self) -> int:
        return self.position + self.count * struct.calcsize(self.value_type)

    @property
    def is_numbers(self) -> bool:
        """False for text and raw bytes, which are read in one piece."""
        return self.value_type[1] not in "Bb"

    def values(self, data: bytes) -> tuple[int, ...]:
        return struct.unpack_from(f"{self.value_type[0]}{self.count}{self.value_type[1]}", data, self.position)


# The types of TIFF 6.0 (1 to 12; text is bytes and a fraction two numbers, read here as one) and of BigTIFF.
_TIFF_TYPES = dict(zip((*range(1, 14), 16, 17, 18), "BBHIQbBhiqfdIQqQ", strict=True))
_TIFF_STRIPS, _TIFF_STRIP_LENGTHS, _TIFF_TILES, _TIFF_TILE_LENGTHS = 273, 279, 324, 325


def tiff_entries(data: bytes) -> Iterator[TiffEntry]:
    """The fields of the first directory, in file order. Raises struct.error where they would lie beyond the end."""
    order = "<" if data[:2] == b"II" else ">"
    is_big = 43 in data[2:4]
    (start,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, 8 if is_big else 4)
    (number,) = struct.unpack_from(order + ("Q" if is_big else "H"), data, start)
    first, length, inline = (start + 8, 20, 8) if is_big else (start + 2, 12, 4)
    for entry in range(first, first + number * length, length):
        tag, type_code, count, value = struct.unpack_from(order + ("HHQQ" if is_big else "HHII"), data, entry)
        if type_code in _TIFF_TYPES:
            value_type = order + _TIFF_TYPES[type_code]
            fits_inline = count * struct.calcsize(value_type) <= inline
            yield TiffEntry(tag, count, value_type, entry + length - inline if fits_inline else value)


def _tiff(data: bytes) -> bool:
    entries = {entry.tag: entry for entry in tiff_entries(data)}
    if any(entry.end > len(data) for entry in entries.values()):
        return True
    for offsets, lengths in ((_TIFF_STRIPS, _TIFF_STRIP_LENGTHS), (_TIFF_TILES, _TIFF_TILE_LENGTHS)):
        if offsets in entries and lengths in entries:
            pairs = zip(entries[offsets].values(data), entries[lengths].values(data), strict=False)
            return any(offset + length > len(data) for offset, length in pairs)
    return False


_CHECKS: dict[ImageFormat, Callable[[bytes], bool]] = {
    ImageFormat.JPEG: _jpeg,
    ImageFormat.PNG: _png,
    ImageFormat.WEBP: _riff,
    ImageFormat.GIF: _gif,
    ImageFormat.TIFF: _tiff,
    ImageFormat.BMP: _bmp,
    ImageFormat.HEIF: _iso_media,
    ImageFormat.AVIF: _iso_media,
}
