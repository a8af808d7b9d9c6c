"""The upload page and the requests behind it: announce a file, send it, and on AWS say that it has arrived there."""

from __future__ import annotations

import json
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from portal.accounts.person import person
from portal.images.detecting import missing
from portal.images.models import Image
from portal.images.quotas import QuotaExceeded, usage
from portal.images.upload_forms import UploadForm
from portal.images.uploads import (
    Announcement,
    Started,
    UploadRefused,
    note_arrival,
    receive_upload,
    renew_form,
    start_upload,
)
from portal.images.workers import by_lambda

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
        return _signed_out()
    try:
        started = start_upload(person(request), Announcement.from_json(_json(request)))
    except QuotaExceeded as error:
        return _refusal(error.code, error.message, 429)
    except UploadRefused as error:
        return _refusal(error.code, error.message, error.status)
    return JsonResponse(_started(started), status=200 if started.duplicate else 201)


@require_POST
def renew(request: HttpRequest, image_id: UUID) -> JsonResponse:
    """Another form for a file whose form has expired; without one when the file is there already."""
    if not request.user.is_authenticated:
        return _signed_out()
    try:
        image = _awaited(request, image_id)
        form = renew_form(image, _announced_sha256(request))
    except UploadRefused as error:
        return _refusal(error.code, error.message, error.status)
    return JsonResponse({**_state(image), **(_form(image, form) if form else {})})


@require_POST
def arrived(request: HttpRequest, image_id: UUID) -> JsonResponse:
    """The browser says that S3 has taken the file."""
    if not request.user.is_authenticated:
        return _signed_out()
    try:
        image, duplicate = note_arrival(_awaited(request, image_id))
    except UploadRefused as error:
        return _refusal(error.code, error.message, error.status)
    return JsonResponse({**_state(image), "duplicate": duplicate})


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


def _announced_sha256(request: HttpRequest) -> str:
    document = _json(request) if request.body else {}
    sha256 = document.get("sha256", "") if isinstance(document, dict) else ""
    return sha256 if isinstance(sha256, str) else ""


def _awaited(request: HttpRequest, image_id: UUID) -> Image:
    image = Image.objects.filter(pk=image_id, owner=person(request)).first()
    if image is None:
        raise UploadRefused("image_gone", "This image was deleted before its file arrived.", 404)
    return image


def _state(image: Image) -> dict[str, object]:
    return {"id": str(image.pk), "status": image.status, "page": image.get_absolute_url()}


def _started(started: Started) -> dict[str, object]:
    answer = _state(started.image)
    if started.form is None:
        return {**answer, "duplicate": True}
    return {**answer, **_form(started.image, started.form)}


def _form(image: Image, form: UploadForm) -> dict[str, object]:
    answer: dict[str, object] = {
        "upload": {
            "url": form.url,
            "fields": form.fields,
            "file_field": form.file_field,
            "expires_at": form.expires_at.isoformat(),
        },
        "renew_url": reverse("images:renew_upload", args=[image.pk]),
    }
    if by_lambda():
        # S3 does not tell us, not at once.
        answer["arrived_url"] = reverse("images:upload_arrived", args=[image.pk])
    return answer


def _signed_out() -> JsonResponse:
    return _refusal("signed_out", "You are signed out. Sign in again to go on.", 401)


def _refusal(code: str, message: str, status: int) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)
