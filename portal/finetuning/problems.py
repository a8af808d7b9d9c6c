"""What keeps a training from going on."""

from __future__ import annotations


class CannotTrain(Exception):
    """The training cannot go on; says so to people, in sentences."""
