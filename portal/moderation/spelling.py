"""How words for labels are written, whoever types them."""

from __future__ import annotations

import unicodedata
from typing import Final

from portal.moderation.deeds import Refused

MOST_LETTERS: Final = 200
# They join letters and emoji: Persian, Hindi and families are not written without them.
_JOINERS: Final = dict.fromkeys(map(ord, "\u200c\u200d"))


def spelled(text: str, *, if_empty: str = "Say what it is.") -> str:
    """The word in one form, so that what looks alike is alike. Raises Refused for what cannot be read."""
    word = unicodedata.normalize("NFC", " ".join(text.split()))
    if not word:
        raise Refused("no_label", if_empty, 400)
    if len(word) > MOST_LETTERS:
        raise Refused("bad_label", f"A label has at most {MOST_LETTERS} letters.", 400)
    if not word.translate(_JOINERS).isprintable():
        raise Refused("bad_label", "A label cannot hold characters that nobody sees.", 400)
    return word
