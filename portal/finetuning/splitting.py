"""Which part of a dataset a picture belongs to: decided by its content alone, the same every time."""

from __future__ import annotations

import hashlib
from enum import StrEnum

# One for all datasets, unless another is asked for: what is tested on in one is not trained on in another.
SALT = "imagesift"

_RANGE = 2**64


class Split(StrEnum):
    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


def split_of(group_key: str, salt: str, validation_percent: float, test_percent: float) -> Split:
    """Where the pictures of a group go. Growing one share moves no picture out of it."""
    digest = hashlib.sha256(f"{salt}:{group_key}".encode()).digest()
    place = 100 * int.from_bytes(digest[:8]) / _RANGE
    if place < test_percent:
        return Split.TEST
    # From the other end, so that the shares do not push each other.
    return Split.VALIDATION if place >= 100 - validation_percent else Split.TRAIN
