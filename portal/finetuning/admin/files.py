"""The files of a model version that people may look at or take away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import content_disposition_header

from portal.accounts.person import person
from portal.finetuning.evaluation import pictures
from portal.finetuning.models import DatasetImage, ModelVersion
from portal.images.serving import UNKNOWN_TYPE, Served, serve_stored
from portal.moderation.looking import note_looks

FILES: Final = ("report.json", "verdict.json", "model.tar.gz")


def send_picture(request: HttpRequest, version: ModelVersion, name: str) -> Served:
    """A picture that the report speaks of; whose it is hears of it. Raises Http404 for any other name."""
    shown = pictures(version.report)
    if name not in shown:
        raise Http404
    of = DatasetImage.objects.filter(snapshot=version.dataset_id, sha256=Path(shown[name]).stem).select_related("image")
    note_looks(person(request), [row.image for row in of])
    return serve_stored(
        request, "derived", f"{version.folder}/report/{name}", content_type="image/jpeg", etag=_etag(version, name)
    )


def send_file(request: HttpRequest, version: ModelVersion, name: str) -> Served:
    """One of FILES, as an attachment. Raises Http404 for any other name."""
    if name not in FILES or not version.is_ready:
        raise Http404
    # As they are now: without the photos that were deleted since.
    documents = {"report.json": version.report, "verdict.json": version.verdict}
    if name in documents:
        content = json.dumps(documents[name], ensure_ascii=False, indent=1)
        answer = HttpResponse(content, content_type=UNKNOWN_TYPE, headers={"Cache-Control": "private, no-cache"})
        answer["Content-Disposition"] = content_disposition_header(True, _title(version, name)) or "attachment"
        return answer
    return serve_stored(
        request,
        "derived",
        f"{version.folder}/{name}",
        content_type=UNKNOWN_TYPE,
        etag=_etag(version, name),
        download_as=_title(version, name),
    )


def _title(version: ModelVersion, name: str) -> str:
    return f"{version.name}-v{version.version}-{name}"


def _etag(version: ModelVersion, name: str) -> str:
    """A version's files change only by being trained on."""
    return f"{version.pk}-{version.finished_at:%Y%m%d%H%M%S}-{name}" if version.finished_at else f"{version.pk}-{name}"
