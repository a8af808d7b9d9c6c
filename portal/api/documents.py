"""Images as the API shows them. One shape for a whole image, a shorter one for lists and batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from portal.api.labels import label_documents, label_summaries
from portal.images.models import FlagVerdict, Image, Status
from portal.images.upload_forms import UploadForm
from portal.moderation.loading import truths
from recognition.result import DetectorRun, Properties, Result


def image_document(
    request: HttpRequest, image: Image, *, min_confidence: float = 0.0, duplicate: bool = False
) -> dict[str, Any]:
    """All that is known of an image; what detectors found below `min_confidence` percent is left out.

    As many queries as `truths` takes, and one more.
    """
    return {**_head(_root(request), image, duplicate), **_findings(image, min_confidence)}


def summaries(request: HttpRequest, images: Sequence[Image], min_confidence: float) -> list[dict[str, Any]]:
    """The images without boxes, text and whatever else may be long; one query for the labels of all of them."""
    labels = label_summaries((image.pk for image in images), min_confidence)
    root = _root(request)
    return [{**_head(root, image, False), "labels": labels.get(image.pk, [])} for image in images]


def upload_document(request: HttpRequest, image: Image, form: UploadForm | None) -> dict[str, Any]:
    """The state of an image whose upload was started; `form` is None once its file has come."""
    return {"id": str(image.pk), "status": image.status, "upload": form and _form(request, form)}


def _form(request: HttpRequest, form: UploadForm) -> dict[str, Any]:
    return {
        # S3's address is a whole one already; the laptop's is a path.
        "url": request.build_absolute_uri(form.url),
        "fields": form.fields,
        "file_field": form.file_field,
        "expires_at": moment(form.expires_at),
    }


def moment(value: datetime | None) -> str | None:
    """In UTC, as the API writes it."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else None


def _root(request: HttpRequest) -> str:
    """What the addresses of all images begin with."""
    return request.build_absolute_uri(reverse("api:images"))


def _head(root: str, image: Image, duplicate: bool) -> dict[str, Any]:
    failed = image.status == Status.FAILED
    return {
        "id": str(image.pk),
        "filename": image.filename,
        "status": image.status,
        "failure": {"code": image.failure_code, "message": image.failure_message} if failed else None,
        "width": image.width,
        "height": image.height,
        "created_at": moment(image.created_at),
        "recognized_at": moment(image.recognized_at),
        "duplicate": duplicate,
        "urls": _urls(root, image),
    }


def _urls(root: str, image: Image) -> dict[str, str | None]:
    # By hand: `reverse` for each of a page's pictures was a third of the time of a list.
    at = f"{root}/{image.pk}"
    has_file = image.status != Status.AWAITING_UPLOAD and image.verdict != FlagVerdict.REMOVED
    has_picture = image.has_picture and not image.is_hidden
    return {
        "original": f"{at}/original" if has_file else None,
        "preview": f"{at}/preview" if has_picture else None,
        "thumbnail": f"{at}/thumbnail" if has_picture else None,
    }


def _findings(image: Image, min_confidence: float) -> dict[str, Any]:
    """After a failure the last success stays visible, as it does on the pages."""
    labels = label_documents(truths([image])[image.pk], min_confidence)
    shown = image.current if image.verdict != FlagVerdict.REMOVED else None
    result: Result | None = shown.result if shown else None
    if result is None:
        return {"labels": labels, "text": [], "moderation_labels": [], "properties": None, "detectors": []}
    return {
        "labels": labels,
        "text": [asdict(text) for text in result.text if text.confidence >= min_confidence],
        "moderation_labels": [asdict(flag) for flag in result.moderation_labels if flag.confidence >= min_confidence],
        "properties": _properties(result.properties),
        "detectors": [_detector(run) for run in result.detectors],
    }


def _properties(properties: Properties | None) -> dict[str, Any] | None:
    return asdict(properties) if properties else None


def _detector(run: DetectorRun) -> dict[str, Any]:
    failure = run.failure and {"code": run.failure.code, "message": run.failure.message}
    return {
        "name": run.name,
        "version": run.version,
        "duration_ms": run.duration_ms,
        "reused": run.reused,
        "failure": failure,
    }
