"""Reading what a client announces: strictly, naming every field that is wrong."""

from __future__ import annotations

import re
from typing import Any

from portal.api.problems import Problem
from portal.images.uploads import Announcement, plain_name

MOST_FILES = 100
LONGEST_FILENAME = 1000
LONGEST_TYPE = 100
SHA256 = r"[0-9a-f]{64}"

_TEXTS = {"filename": (1, LONGEST_FILENAME), "content_type": (1, LONGEST_TYPE)}
_FIELDS = ("filename", "content_type", "size", "sha256")
_UNNAMED = "unnamed"
_MOST_NAMED = 10
# Sizes of files are below; JSON's numbers know no end.
_SIZES_END = 2**63


def read_announcement(document: Any) -> Announcement:
    """The file that a client wants to upload. Raises Problem, and UploadRefused for what no upload can be."""
    require_object(document, _FIELDS)
    errors = [(name, "It is missing.") for name in ("filename", "content_type", "size") if name not in document]
    errors += [(name, why) for name, limits in _TEXTS.items() if (why := wrong_text(document, name, *limits))]
    errors += [("size", why)] if (why := _wrong_size(document)) else []
    errors += [("sha256", why)] if (why := _wrong_sha256(document)) else []
    if errors:
        raise invalid(errors)
    name = plain_name(document["filename"]) or _UNNAMED
    return Announcement.from_json({**document, "filename": name, "size": int(document["size"])})


def read_batch(document: Any) -> list[Any]:
    """The files of a batch, not yet read one by one. Raises Problem."""
    require_object(document, ("images",))
    files = document.get("images")
    if not isinstance(files, list) or not 1 <= len(files) <= MOST_FILES:
        raise invalid([("images", f"It must be a list of 1 to {MOST_FILES} files.")])
    return files


def read_sha256(document: Any) -> str:
    """The only field of a request for another form; it may be left out. Raises Problem."""
    require_object(document, ("sha256",))
    if why := _wrong_sha256(document):
        raise invalid([("sha256", why)])
    return str(document.get("sha256", ""))


def _wrong_size(document: dict[str, Any]) -> str:
    size = document.get("size", 0)
    # To Python, true is a number; to JSON, 12.0 is a whole one.
    is_whole = type(size) is int or (isinstance(size, float) and size.is_integer())
    return "" if is_whole and abs(size) < _SIZES_END else "It must be the file's size in bytes, a whole number."


def _wrong_sha256(document: dict[str, Any]) -> str:
    value = document.get("sha256")
    if "sha256" not in document or (isinstance(value, str) and re.fullmatch(SHA256, value)):
        return ""
    return "It must be 64 lower-case hex digits, or left out."


def require_object(document: Any, known: tuple[str, ...]) -> None:
    """Raises Problem for anything but an object with no other fields than `known`."""
    if not isinstance(document, dict):
        raise Problem("invalid_request", "The request must be a JSON object.")
    unknown = [name for name in document if name not in known]
    if unknown:
        raise invalid([(_storable(name), "There is no such field.") for name in unknown[:_MOST_NAMED]])


def _storable(name: str) -> str:
    """What a client made up, cut short and without the halves of characters that no answer can hold."""
    return name[:100].encode("utf-8", "replace").decode()


def wrong_text(document: dict[str, Any], name: str, shortest: int, longest: int) -> str:
    """What is wrong with the text in a field, if it is there; "" when nothing is."""
    if name not in document:
        return ""
    value = document[name]
    if not isinstance(value, str):
        return "It must be text."
    return "" if shortest <= len(value) <= longest else f"It must have {shortest} to {longest} characters."


def invalid(errors: list[tuple[str, str]]) -> Problem:
    """The problem of a request with these wrong fields."""
    names = ", ".join(f"“{name}”" for name, _ in errors)
    return Problem("invalid_request", f"Not understood in the request: {names}.", errors=tuple(errors))
