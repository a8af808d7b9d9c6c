"""What a person asks to see, as the parameters of the API's list."""

from __future__ import annotations

from collections.abc import Iterable

from imagesift.errors import UsageError

# How a filter is called in a search, and in the API.
PARAMETERS = {
    "label": "label",
    "detector": "detector",
    "status": "status",
    "since": "since",
    "until": "until",
    "confidence": "min_confidence",
}
_REPEATABLE = ("label",)


def search_filters(words: Iterable[str]) -> list[tuple[str, str]]:
    """`label:Dog confidence:80 red bicycle` as parameters; what has no such name before a colon is a word to look for.

    Each word is one argument of the command, so that `"label:Dining table"` is one filter. Raises UsageError when a
    filter has no value, or is given twice.
    """
    filters: list[tuple[str, str]] = []
    wanted = []
    for word in words:
        name, colon, value = word.partition(":")
        parameter = PARAMETERS.get(name.lower()) if colon else None
        if parameter is None:
            wanted.append(word)
            continue
        if not value.strip('"'):
            raise UsageError(f"“{word}” has no value: write {name}:something, without a space.")
        if parameter not in _REPEATABLE and any(parameter == given for given, _ in filters):
            raise UsageError(f"“{name}:” is given twice; only label: may be.")
        filters.append((parameter, value.strip('"')))
    return [*filters, *([("q", " ".join(wanted))] if wanted else [])]
