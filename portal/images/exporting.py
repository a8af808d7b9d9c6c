"""Images and what was found in them, as streams of CSV or JSON of any length in constant memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import QuerySet

from portal.images.history import in_pages
from portal.images.models import Image, Status
from recognition.result import TextKind

_IMAGES_AT_ONCE = 50

# Spreadsheets take a cell that begins so for a formula, and run it.
# Source: OWASP, "CSV Injection", https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

# Without it spreadsheets read the file in the letters of the last century.
_BYTE_ORDER_MARK = "\ufeff"

CSV_COLUMNS = (
    "filename",
    "image_id",
    "uploaded_at",
    "status",
    "failure",
    "width",
    "height",
    "recognized_at",
    "text",
    "label",
    "confidence",
    "detector",
    "parents",
    "categories",
    "boxes",
)


class _Line:
    """A file to `csv.writer` that hands back each line instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def csv_stream(images: QuerySet[Image], confidence: float) -> Iterator[str]:
    """One line for each label of `confidence` percent or more; an image without such a label gets one line too.

    `text` is every line of text found in the image, `boxes` the number of places where the label was found. A cell
    that a spreadsheet would run is defused with an apostrophe in front.
    """
    writer = csv.writer(_Line())
    yield _BYTE_ORDER_MARK + writer.writerow(CSV_COLUMNS)
    for image in _with_documents(images):
        document = _shown_document(image, confidence)
        about_image = (*_image_cells(image), _lines(document))
        for label in document.get("labels") or [{}]:
            yield writer.writerow([_defused(cell) for cell in (*about_image, *_label_cells(label))])


def json_stream(images: QuerySet[Image], confidence: float) -> Iterator[str]:
    """An array with an object for each image; its `result` is in the result contract's form, or null.

    Labels, boxes, text and content flags below `confidence` percent are left out.
    """
    yield "["
    separator = "\n"
    for image in _with_documents(images):
        yield separator + json.dumps(_image_object(image, confidence), ensure_ascii=False)
        separator = ",\n"
    yield "\n]\n"


def _with_documents(images: QuerySet[Image]) -> Iterator[Image]:
    for page in in_pages(images.select_related("current"), _IMAGES_AT_ONCE):
        yield from page


def _image_cells(image: Image) -> tuple[object, ...]:
    failure = image.failure_message if image.status == Status.FAILED else ""
    recognized_at = image.current.recognized_at.isoformat() if image.current else ""
    uploaded_at = image.created_at.isoformat()
    return (
        image.filename,
        image.id,
        uploaded_at,
        image.status,
        failure,
        image.width,
        image.height,
        recognized_at,
    )


def _lines(document: dict[str, Any]) -> str:
    return " / ".join(text["text"] for text in document.get("text", ()) if text["kind"] == TextKind.LINE)


def _label_cells(label: dict[str, Any]) -> tuple[object, ...]:
    if not label:
        return ("", "", "", "", "", "")
    parents, categories = "; ".join(label.get("parents", ())), "; ".join(label.get("categories", ()))
    boxes = len(label.get("instances", ()))
    return (label["name"], f"{label['confidence']:.2f}", label["detector"], parents, categories, boxes)


def _defused(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


def _image_object(image: Image, confidence: float) -> dict[str, Any]:
    failed = image.status == Status.FAILED
    return {
        "image_id": str(image.id),
        "filename": image.filename,
        "uploaded_at": image.created_at.isoformat(),
        "status": image.status,
        "failure": {"code": image.failure_code, "message": image.failure_message} if failed else None,
        "result": _shown_document(image, confidence) or None,
    }


def _shown_document(image: Image, confidence: float) -> dict[str, Any]:
    """The current recognition's document less all that is below `confidence`; empty when there is none."""
    if image.current is None:
        return {}
    document: dict[str, Any] = dict(image.current.document)
    for name in ("labels", "moderation_labels", "text"):
        document[name] = _sure(document.get(name, ()), confidence)
    document["labels"] = [
        {**label, "instances": _sure(label.get("instances", ()), confidence)} for label in document["labels"]
    ]
    return document


def _sure(findings: Iterable[dict[str, Any]], confidence: float) -> list[dict[str, Any]]:
    return [finding for finding in findings if finding["confidence"] >= confidence]
