"""The files behind the pages, each for its owner alone."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from portal.images.models import FlagVerdict, Image, Status
from portal.images.serving import IMAGE_TYPES, UNKNOWN_TYPE, Served, serve_picture, serve_stored


def _own_image(request: HttpRequest, image_id: UUID) -> Image:
    return get_object_or_404(Image, pk=image_id, owner=request.user)


@require_safe
@login_required
def original(request: HttpRequest, image_id: UUID) -> Served:
    """The file as it was uploaded, as an attachment."""
    image = _own_image(request, image_id)
    if image.status == Status.AWAITING_UPLOAD or image.verdict == FlagVerdict.REMOVED:
        raise Http404
    content_type = IMAGE_TYPES.get(image.format, UNKNOWN_TYPE)
    return serve_stored(
        request,
        "uploads",
        image.upload_key,
        content_type=content_type,
        etag=image.sha256,
        download_as=image.filename,
    )


@require_safe
@login_required
def preview(request: HttpRequest, image_id: UUID) -> Served:
    """The upright picture at page size, a JPEG without metadata."""
    return serve_picture(request, _own_image(request, image_id), "preview")


@require_safe
@login_required
def thumbnail(request: HttpRequest, image_id: UUID) -> Served:
    """The upright picture at grid size, a JPEG without metadata."""
    return serve_picture(request, _own_image(request, image_id), "thumbnail")


@require_safe
@login_required
def result(request: HttpRequest, image_id: UUID) -> JsonResponse:
    """The newest result as the detectors gave it, in the contract's JSON."""
    image = _own_image(request, image_id)
    newest = image.recognitions.first()
    if newest is None or image.verdict == FlagVerdict.REMOVED:
        raise Http404
    return JsonResponse(newest.document, json_dumps_params={"ensure_ascii": False, "indent": 2})
