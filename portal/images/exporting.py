"""Images and what was found in them, as streams of CSV or JSON of any length in constant memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet

from portal.csv_lines import csv_lines
from portal.images.history import in_pages
from portal.images.models import Image, Status
from portal.moderation.loading import truths
from portal.moderation.truth import TrueLabel, Truth
from recognition.result import TextKind

_IMAGES_AT_ONCE = 50

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
    "state",
)

_NO_LABEL = ("",) * 7


def csv_stream(images: QuerySet[Image], confidence: float) -> Iterator[str]:
    """One line for each label of `confidence` percent or more; an image without such a label gets one line too.

    Labels are those that hold: what people said, and what detectors said where nobody did; `state` tells which.
    `text` is every line of text found in the image, `boxes` the number of places where the label was found. A cell
    that a spreadsheet would run is defused with an apostrophe in front.
    """
    return csv_lines(CSV_COLUMNS, _rows(images, confidence))


def json_stream(images: QuerySet[Image], confidence: float) -> Iterator[str]:
    """An array with an object for each image; its `result` is in the result contract's form, or null.

    `labels` are those that hold, each with its `state`, and last those that people rejected; `result` is what the
    detectors said. Labels, boxes, text and content flags below `confidence` percent are left out.
    """
    yield "["
    separator = "\n"
    for image, truth in _with_truth(images):
        yield separator + json.dumps(_image_object(image, truth, confidence), ensure_ascii=False)
        separator = ",\n"
    yield "\n]\n"


def _rows(images: QuerySet[Image], confidence: float) -> Iterator[tuple[object, ...]]:
    for image, truth in _with_truth(images):
        about_image = (*_image_cells(image), _lines(_shown_document(image, confidence)))
        for cells in _label_lines(truth, confidence):
            yield (*about_image, *cells)


def _with_truth(images: QuerySet[Image]) -> Iterator[tuple[Image, Truth]]:
    for page in in_pages(images.select_related("current"), _IMAGES_AT_ONCE):
        known = truths(page)
        yield from ((image, known[image.pk]) for image in page)


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


def _label_lines(truth: Truth, confidence: float) -> list[tuple[object, ...]]:
    """The cells of each label that is sure enough; empty ones where there is none."""
    sure = [label for label in truth.labels if label.confidence >= confidence]
    return [_label_cells(label, confidence) for label in sure] or [_NO_LABEL]


def _label_cells(label: TrueLabel, confidence: float) -> tuple[object, ...]:
    parents, categories = "; ".join(label.parents), "; ".join(label.categories)
    boxes = sum(instance.confidence >= confidence for instance in label.instances)
    return (label.name, f"{label.confidence:.2f}", label.detector, parents, categories, boxes, label.state)


def _image_object(image: Image, truth: Truth, confidence: float) -> dict[str, Any]:
    failed = image.status == Status.FAILED
    return {
        "image_id": str(image.id),
        "filename": image.filename,
        "uploaded_at": image.created_at.isoformat(),
        "status": image.status,
        "failure": {"code": image.failure_code, "message": image.failure_message} if failed else None,
        "labels": [
            *(_label_object(label, confidence) for label in truth.labels if label.confidence >= confidence),
            *(_label_object(label, confidence) for label in truth.rejected),
        ],
        "result": _shown_document(image, confidence) or None,
    }


def _label_object(label: TrueLabel, confidence: float) -> dict[str, Any]:
    return {
        "name": label.name,
        "state": label.state,
        "confidence": label.confidence,
        "detector": label.detector,
        "parents": label.parents,
        "aliases": label.aliases,
        "categories": label.categories,
        "instances": [
            {"state": each.state, "confidence": each.confidence, "box": asdict(each.box)}
            for each in label.instances
            if each.confidence >= confidence
        ],
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
