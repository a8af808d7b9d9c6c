"""Images as a table for people, as CSV for spreadsheets and as JSON for programs, line by line in constant memory."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterable, Iterator
from typing import Any

from imagesift.terminal import plain

Document = dict[str, Any]

COLUMNS = ("filename", "image_id", "created_at", "status", "failure", "width", "height", "recognized_at")
LABEL_COLUMNS = ("label", "confidence", "detector", "state")
# What people refused.
REJECTED = "rejected"
# Spreadsheets take a cell that begins so for a formula, and run it.
# Source: OWASP, "CSV Injection", https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NAME_WIDTH, _STATUS_WIDTH, _ID_WIDTH, _DAY_WIDTH = 28, 15, 36, 16


def json_lines(images: Iterable[Document]) -> Iterator[str]:
    """One array, an object a line."""
    yield "["
    separator = "\n"
    for image in images:
        yield separator + json.dumps(image, ensure_ascii=False)
        separator = ",\n"
    yield "\n]\n"


def csv_lines(images: Iterable[Document]) -> Iterator[str]:
    """A line for each label of each image, and one for an image without any. A cell that a spreadsheet would run is
    defused with an apostrophe in front.
    """
    yield _csv_line([*COLUMNS, *LABEL_COLUMNS])
    for image in images:
        about = [
            *(image["filename"], image["id"], image["created_at"], image["status"]),
            (image.get("failure") or {}).get("message"),
            *(image.get("width"), image.get("height"), image.get("recognized_at")),
        ]
        for label in image.get("labels") or [{}]:
            yield _csv_line([*about, *(label.get(name) for name in ("name", "confidence", "detector", "state"))])


def _csv_line(cells: list[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(["" if cell is None else _defused(cell) for cell in cells])
    return line.getvalue()


def _defused(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


def table_lines(images: Iterable[Document]) -> Iterator[str]:
    """A line for each image: when, state, name, what is in it, and its id."""
    width = shutil.get_terminal_size((160, 24)).columns
    # The id is what the other commands want: it stands whole, and the labels have what is left.
    room = max(20, width - _ID_WIDTH - _DAY_WIDTH - _STATUS_WIDTH - _NAME_WIDTH - 8)
    empty = True
    for image in images:
        if empty:
            yield _row("id", "uploaded", "status", "file", "labels")
            empty = False
        day = str(image["created_at"])[:_DAY_WIDTH].replace("T", " ")
        yield _row(image["id"], day, image["status"], image["filename"], _cut(_findings(image), room))
    if empty:
        yield "Nothing matches.\n"


def _row(image_id: str, day: str, status: str, name: str, findings: str) -> str:
    cells = (f"{image_id:{_ID_WIDTH}}", f"{day:{_DAY_WIDTH}}", f"{status:{_STATUS_WIDTH}}")
    return "  ".join((*cells, f"{_cut(name, _NAME_WIDTH):{_NAME_WIDTH}}", findings)).rstrip() + "\n"


def _findings(image: Document) -> str:
    if failure := image.get("failure"):
        return str(failure.get("message", ""))
    labels = sorted(image.get("labels") or (), key=lambda label: -label["confidence"])
    return ", ".join(
        f"{label['name']} (refused)"
        if label.get("state") == REJECTED
        else f"{label['name']} {label['confidence']:.0f} %"
        for label in labels
    )


def _cut(text: str, width: int) -> str:
    text = plain(text)
    return text if len(text) <= width else f"{text[: width - 1]}…"


def description(image: Document, *, rejected: bool = False) -> str:
    """One image and all that was found in it, for a person to read; with `rejected`, also what people refused."""
    day = str(image["created_at"])[:_DAY_WIDTH].replace("T", " ")
    pixels = f", {image['width']} × {image['height']} pixels" if image.get("width") else ""
    lines = [image["filename"], f"  {image['id']}, uploaded {day}{pixels}, {image['status']}"]
    if failure := image.get("failure"):
        lines.append(f"  {failure.get('message', '')}")
    labels = image.get("labels") or ()
    lines += [_label(label) for label in labels if rejected or label.get("state") != REJECTED]
    texts = [text for text in image.get("text") or () if text.get("kind") == "line"]
    lines += [_found(f"“{text['text']}”", text["confidence"], "text") for text in texts]
    for flag in image.get("moderation_labels") or ():
        lines.append(_found(flag["name"], flag["confidence"], "content flag"))
    return "\n".join(plain(line) for line in lines)


def _label(label: Document) -> str:
    count, state = len(label.get("instances") or ()), label.get("state", "predicted")
    said = "" if state == "predicted" else state
    return _found(label["name"], label["confidence"], label["detector"], said, f"{count} ×" if count else "")


def _found(name: str, confidence: float, *about: str) -> str:
    return f"  {confidence:5.1f} %  {name}  ({', '.join(part for part in about if part)})"
