"""The documents that a training leaves, as far as the portal relies on their shape."""

from __future__ import annotations

import re
from typing import Any, Final

_PICTURE: Final = re.compile(r"report/[a-z0-9-]+\.jpg")
# Of the column `served_as`.
_LONGEST_NAME: Final = 100


def check(report: dict[str, Any], verdict: dict[str, Any], served_as: str) -> None:
    """Raises ValueError for what pages, erasure and the registry could not work with: a training may be of any code."""
    candidate, worst = report.get("candidate"), report.get("worst", [])
    map50 = candidate.get("map50") if isinstance(candidate, dict) else None
    if not isinstance(candidate, dict) or not (map50 is None or _is_list_of(map50, (int, float))):
        raise ValueError("report.json does not say how good the model is")
    if not isinstance(worst, list) or not all(_is_mistake(each) for each in worst):
        raise ValueError("report.json has mistakes without a picture")
    if not isinstance(verdict.get("verdict"), str):
        raise ValueError("verdict.json holds no verdict")
    if len(served_as) > _LONGEST_NAME:
        raise ValueError("the model's name is too long")


def belongs(path: str, report: dict[str, Any]) -> bool:
    """Whether a file of a result is to be kept: a picture that the report does not name would never be erased."""
    return not path.endswith(".jpg") or any(mistake["image"] == path for mistake in report.get("worst", []))


def _is_mistake(value: Any) -> bool:
    if not (isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("file_name", "words"))):
        return False
    # It is what is erased when the photo is: nothing but a picture beside the report.
    return isinstance(value.get("image"), str) and _PICTURE.fullmatch(value["image"]) is not None


def _is_list_of(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, kinds) for each in value)
