"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """FINE: nothing to do. NOTE: good to know, or could not be seen. TO_DO: the stack would not do as it should."""

    FINE = "fine"
    NOTE = "note"
    TO_DO = "to do"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: what was looked at, and a sentence that says what is so or what to do."""

    subject: str
    state: State
    sentence: str


def fine(subject: str, sentence: str) -> Finding:
    return Finding(subject, State.FINE, sentence)


def note(subject: str, sentence: str) -> Finding:
    return Finding(subject, State.NOTE, sentence)


def to_do(subject: str, sentence: str) -> Finding:
    return Finding(subject, State.TO_DO, sentence)
