"""What a file may be, for those who open it and for those who only say so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest file we open: declared pixels, bytes of the file, and bytes of memory its decoder may need."""

    max_pixels: int = 100_000_000
    max_bytes: int = 50_000_000
    max_decoder_bytes: int = 500_000_000


DEFAULT_LIMITS = Limits()
