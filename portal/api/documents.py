"""Images as the API shows them. One shape for a whole image, a shorter one for lists and batches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from portal.images.models import DetectedLabel, Image, Status
from portal.images.upload_forms import UploadForm
from recognition.result import DetectorRun, Label, Properties, Result

# Until people correct labels, every label is a detector's word.
PREDICTED = "predicted"


def image_document(
    request: HttpRequest, image: Image, *, min_confidence: float = 0.0, duplicate: bool = False
) -> dict[str, Any]:
    """All that is known of an image; findings below `min_confidence` percent are left out. At most one query."""
    return {**_head(_root(request), image, duplicate), **_findings(image, min_confidence)}


def summaries(request: HttpRequest, images: Sequence[Image], min_confidence: float) -> list[dict[str, Any]]:
    """The images without boxes, text and whatever else may be long; one query for the labels of all of them."""
    labels = _stored_labels([image.current_id for image in images if image.current_id is not None], min_confidence)
    root = _root(request)
    return [{**_head(root, image, False), "labels": labels.get(image.current_id, [])} for image in images]


def upload_document(request: HttpRequest, image: Image, form: UploadForm | None) -> dict[str, Any]:
    """The state of an image whose upload was started; `form` is None once its file has come."""
    return {"id": str(image.pk), "status": image.status, "upload": form and _form(request, form)}


def _form(request: HttpRequest, form: UploadForm) -> dict[str, Any]:
    return {
        # S3's address is a whole one already; the laptop's is a path.
        "url": request.build_absolute_uri(form.url),
        "fields": form.fields,
        "file_field": form.file_field,
        "expires_at": _moment(form.expires_at),
    }


def _moment(value: datetime | None) -> str | None:
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
        "created_at": _moment(image.created_at),
        "recognized_at": _moment(image.recognized_at),
        "duplicate": duplicate,
        "urls": _urls(root, image),
    }


def _urls(root: str, image: Image) -> dict[str, str | None]:
    # By hand: `reverse` for each of a page's pictures was a third of the time of a list.
    at = f"{root}/{image.pk}"
    return {
        "original": f"{at}/original" if image.status != Status.AWAITING_UPLOAD else None,
        "preview": f"{at}/preview" if image.has_picture else None,
        "thumbnail": f"{at}/thumbnail" if image.has_picture else None,
    }


def _findings(image: Image, min_confidence: float) -> dict[str, Any]:
    """After a failure the last success stays visible, as it does on the pages."""
    result: Result | None = image.current.result if image.current else None
    if result is None:
        return {"labels": [], "text": [], "moderation_labels": [], "properties": None, "detectors": []}
    return {
        "labels": [_label(label) for label in _surest(result.labels) if label.confidence >= min_confidence],
        "text": [asdict(text) for text in result.text if text.confidence >= min_confidence],
        "moderation_labels": [asdict(flag) for flag in result.moderation_labels if flag.confidence >= min_confidence],
        "properties": _properties(result.properties),
        "detectors": [_detector(run) for run in result.detectors],
    }


def _surest(labels: Iterable[Label]) -> list[Label]:
    """Each name once for each detector, as the rows have it; surest first."""
    surest: dict[tuple[str, str], Label] = {}
    for label in sorted(labels, key=lambda label: (-label.confidence, label.name)):
        surest.setdefault((label.name, label.detector), label)
    return list(surest.values())


def _label(label: Label) -> dict[str, Any]:
    return {
        "name": label.name,
        "confidence": label.confidence,
        "detector": label.detector,
        "parents": list(label.parents),
        "categories": list(label.categories),
        "state": PREDICTED,
        "instances": [asdict(instance) for instance in label.instances],
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


def _stored_labels(recognitions: list[int], min_confidence: float) -> dict[int | None, list[dict[str, Any]]]:
    rows = (
        DetectedLabel.objects.filter(recognition__in=recognitions, confidence__gte=min_confidence)
        .order_by("-confidence", "label__name", "detector")
        .values_list("recognition_id", "label__name", "confidence", "detector")
    )
    labels: defaultdict[int | None, list[dict[str, Any]]] = defaultdict(list)
    for recognition, name, confidence, detector in rows:
        labels[recognition].append({"name": name, "confidence": confidence, "detector": detector, "state": PREDICTED})
    return labels
