"""Words to the person: on stdout what they asked for, on stderr everything else, and never a control character."""

from __future__ import annotations

import sys
from typing import TextIO

UNITS = ("bytes", "kB", "MB", "GB", "TB")


def say(text: str) -> None:
    """A line on stdout."""
    _write(sys.stdout, text)


def tell(text: str) -> None:
    """A line on stderr."""
    _write(sys.stderr, text)


def _write(stream: TextIO, text: str) -> None:
    stream.write(f"{text}\n")
    stream.flush()


def plain(text: str) -> str:
    """Text of others (file names, labels, the portal's sentences) without what could command a terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)


def prepare_streams() -> None:
    """Let no letter that the terminal lacks end the command: it is replaced."""
    for stream in (sys.stdout, sys.stderr):
        # What stands in their place in a test or in another program need not know how.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")


def size(byte_count: float) -> str:
    """47,700,000 is "47.7 MB": one decimal at most, none where it is zero."""
    value, unit = float(byte_count), UNITS[0]
    for unit in UNITS:
        if value < 999.95 or unit == UNITS[-1]:
            break
        value /= 1000
    number = f"{value:,.0f}" if unit == UNITS[0] else f"{value:,.1f}".removesuffix(".0")
    return f"{number} {unit}"


def counted(number: int, noun: str) -> str:
    """1 file, 1,000 files."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
