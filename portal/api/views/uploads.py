"""The routes that files come in by: announced one by one or many at once, and announced again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.person import person
from portal.api.announcing import read_announcement, read_batch, read_sha256
from portal.api.describing import described
from portal.api.documents import image_document, summaries, upload_document
from portal.api.idempotency import Repeatable
from portal.api.problems import Problem, handle
from portal.api.views.base import ImagesView, own_image
from portal.images.quotas import QuotaExceeded
from portal.images.uploads import Started, UploadRefused, renew_form


def start(request: Request) -> Response:
    """Announce one file: 201 with the form to send it by, or 200 with the image that the owner has of it."""
    repeatable = Repeatable.of(request, person(request), request.data)
    started, is_new = repeatable.start(read_announcement(request.data))
    if is_new:
        return Response(_new(request, started), status=201)
    return Response(image_document(request, own_image(request, started.image.pk), duplicate=True))


class Batch(ImagesView):
    @described("images_batch")
    def post(self, request: Request) -> Response:
        files = read_batch(request.data)
        repeatable = Repeatable.of(request, person(request), request.data)
        return Response({"results": [_entry(request, repeatable, *each) for each in enumerate(files)]})


class UploadForm(ImagesView):
    @described("images_upload_form")
    def post(self, request: Request, image_id: UUID) -> Response:
        form = renew_form(own_image(request, image_id), read_sha256(request.data))
        return Response(upload_document(request, own_image(request, image_id), form))


def _entry(request: Request, repeatable: Repeatable, position: int, file: Any) -> dict[str, Any]:
    """What the file alone would have been answered."""
    try:
        started, is_new = repeatable.start(read_announcement(file), position)
    except (Problem, UploadRefused, QuotaExceeded) as error:
        refusal = handle(error, {"request": request})
        if refusal is None:
            raise
        return {"status_code": refusal.status_code, "problem": refusal.data}
    if is_new:
        return {"status_code": 201, **_new(request, started)}
    # A hundred whole images could be more than an answer may hold.
    [summary] = summaries(request, [started.image], min_confidence=0)
    return {"status_code": 200, **summary, "duplicate": True}


def _new(request: Request, started: Started) -> dict[str, Any]:
    return upload_document(request, started.image, started.form)
