"""The upload page and the two requests behind it: announce a file, then send it."""

from __future__ import annotations

import json

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from portal.accounts.person import person
from portal.images.detecting import missing
from portal.images.models import Image
from portal.images.quotas import QuotaExceeded, usage
from portal.images.uploads import Announcement, Started, UploadRefused, receive_upload, start_upload

_EXTENSIONS = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".heic", ".heif", ".avif")
_TYPES = ("jpeg", "png", "webp", "gif", "tiff", "bmp", "heic", "heif", "avif")
# What the browser's file dialog offers.
ACCEPTED = [*_EXTENSIONS, *(f"image/{name}" for name in _TYPES)]

# Multipart boundaries and form fields around the file itself.
_FORM_OVERHEAD_BYTES = 64 * 1024


@require_GET
@login_required
def page(request: HttpRequest) -> HttpResponse:
    used = usage(person(request))
    context = {
        "accepted": ACCEPTED,
        "max_bytes": settings.MAX_UPLOAD_BYTES,
        "max_megapixels": settings.MAX_IMAGE_PIXELS / 1e6,
        "images_left_today": used.images_left,
        "bytes_left": used.bytes_left,
        "detectors_missing": missing(),
    }
    return render(request, "images/upload.html", context)


@require_POST
def start(request: HttpRequest) -> JsonResponse:
    """Announce a file: 201 with the form to send it by, or 200 when its owner already has it."""
    if not request.user.is_authenticated:
        return _refusal("signed_out", "You are signed out. Sign in again to go on.", 401)
    try:
        started = start_upload(person(request), Announcement.from_json(_json(request)))
    except QuotaExceeded as error:
        return _refusal(error.code, error.message, 429)
    except UploadRefused as error:
        return _refusal(error.code, error.message, error.status)
    return JsonResponse(_started(started), status=200 if started.duplicate else 201)


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> JsonResponse:
    """Take the file of an announced upload. The signed policy in the form is the permission, as it is on S3."""
    try:
        length = int(request.headers.get("Content-Length") or 0)
        if length > settings.MAX_UPLOAD_BYTES + _FORM_OVERHEAD_BYTES:
            raise UploadRefused("file_too_large", "This file is larger than what may be uploaded.", 413)
        file = request.FILES.get("file")
        if file is None:
            raise UploadRefused("file_missing", "The form holds no file.")
        image, duplicate = receive_upload(request.POST.get("policy", ""), file)
    except UploadRefused as error:
        return _refusal(error.code, error.message, error.status)
    return JsonResponse({**_state(image), "duplicate": duplicate}, status=201)


def _json(request: HttpRequest) -> object:
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        raise UploadRefused("invalid_request", "The request is not valid JSON.") from None


def _state(image: Image) -> dict[str, object]:
    return {"id": str(image.pk), "status": image.status, "page": image.get_absolute_url()}


def _started(started: Started) -> dict[str, object]:
    answer = _state(started.image)
    if started.form is None:
        return {**answer, "duplicate": True}
    form = started.form
    answer["upload"] = {
        "url": form.url,
        "fields": form.fields,
        "file_field": form.file_field,
        "expires_at": form.expires_at.isoformat(),
    }
    return answer


def _refusal(code: str, message: str, status: int) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)
