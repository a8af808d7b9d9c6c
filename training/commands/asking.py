"""What the commands have in common: types of arguments, and asking before what costs money."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from training.errors import TrainingFailed
from training.places import Place


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether the person agrees; `yes`: did so beforehand. Raises TrainingFailed where there is nobody to ask."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise TrainingFailed("Nobody is there to confirm this: --yes does.")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def say(line: str = "") -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def place(text: str) -> Place:
    """An argparse type: `s3://bucket/folder`."""
    try:
        return Place.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def anywhere(text: str) -> Place | Path:
    """An argparse type: an address in S3, or what is on this machine."""
    if text.startswith("s3://"):
        return place(text)
    if not Path(text).exists():
        raise argparse.ArgumentTypeError(f"{text} is not there")
    return Path(text)


def pair(text: str) -> tuple[str, str]:
    """An argparse type: `KEY=VALUE`."""
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"“{text}” is not like KEY=VALUE")
    return key, value


def above_nothing(text: str) -> float:
    """An argparse type: a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"“{text}” is not a number above 0")
    return number
