"""What may be a word for a label."""

from __future__ import annotations

import pytest

from portal.moderation.deeds import Refused
from portal.moderation.spelling import spelled


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("  Guide \n dog ", "Guide dog"),
        ("e\u0301clair", "\u00e9clair"),
        ("\U0001f408\u200d\u2b1b cat", "\U0001f408\u200d\u2b1b cat"),
        ("\u0645\u06cc\u200c\u0634\u0648\u062f", "\u0645\u06cc\u200c\u0634\u0648\u062f"),
        ("x" * 200, "x" * 200),
    ],
)
def test_a_word_has_one_form(typed: str, word: str) -> None:
    assert spelled(typed) == word


@pytest.mark.parametrize(
    ("typed", "code", "part"),
    [
        (" \t", "no_label", "Say what it is."),
        ("x" * 201, "bad_label", "at most 200 letters"),
        ("\u202egnp.exe", "bad_label", "nobody sees"),
        ("Kat\u200bze", "bad_label", "nobody sees"),
        ("a\0b", "bad_label", "nobody sees"),
    ],
)
def test_what_cannot_be_read_is_no_word(typed: str, code: str, part: str) -> None:
    with pytest.raises(Refused, match=part) as refused:
        spelled(typed)
    assert refused.value.code == code
