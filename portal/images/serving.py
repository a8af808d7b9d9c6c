"""Serving private files: with their true type, to one person's browser, never to be run as a page.

On AWS the portal answers with the way to the bucket: an address that is good for a while, and renewed by asking again.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from django.core.files.storage import storages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseNotModified, HttpResponseRedirect
from django.utils.cache import patch_vary_headers
from django.utils.http import content_disposition_header

from portal.images import buckets
from portal.images.models import Image
from portal.images.workers import by_lambda

# What a browser may show. Anything else leaves as an attachment of no particular type.
IMAGE_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "HEIF": "image/heif",
    "HEIC": "image/heic",
    "AVIF": "image/avif",
}
UNKNOWN_TYPE = "application/octet-stream"

Served: TypeAlias = HttpResponse | FileResponse

_DAY = 86_400
# How long an address leads to the bucket, and for how much of that time a browser may remember it. Short, as it dies
# with the credentials that signed it.
ADDRESS_SECONDS, REMEMBERED_SECONDS = 900, 600


def serve_picture(request: HttpRequest, image: Image, form: Literal["preview", "thumbnail"]) -> Served:
    """The image's preview or thumbnail for its owner. Raises Http404 without one, or when a moderator has hidden it."""
    if not image.has_picture or image.is_hidden:
        raise Http404
    key = image.preview_key if form == "preview" else image.thumbnail_key
    return serve_stored(request, "derived", key, content_type="image/jpeg", etag=f"{image.sha256}-{form}")


def serve_stored(
    request: HttpRequest, storage: str, key: str, *, content_type: str, etag: str, download_as: str | None = None
) -> Served:
    """The stored file, streamed; 304 when the browser has it. Raises Http404 when it is not there.

    `etag` must change whenever the content does. With `download_as` it is an attachment of that name. On AWS it is the
    way to the bucket, which answers for itself.
    """
    if by_lambda():
        return _redirect(request, storage, key, content_type, download_as)
    quoted = f'"{etag}"'
    if request.headers.get("If-None-Match") == quoted:
        return _private(HttpResponseNotModified(), quoted)
    try:
        file = storages[storage].open(key)
    except FileNotFoundError:
        raise Http404 from None
    # Without a name the response would offer the storage's key as one.
    response = FileResponse(
        file, content_type=content_type, as_attachment=bool(download_as), filename=download_as or ""
    )
    return _private(response, quoted)


def _redirect(request: HttpRequest, storage: str, key: str, content_type: str, download_as: str | None) -> HttpResponse:
    answer = {"ResponseContentType": content_type, "ResponseCacheControl": f"private, max-age={_DAY}"}
    if download_as:
        answer["ResponseContentDisposition"] = content_disposition_header(True, download_as) or "attachment"
    address = buckets.address(storage, key, seconds=ADDRESS_SECONDS, method=request.method or "GET", **answer)
    response = HttpResponseRedirect(address)
    response["Cache-Control"] = f"private, max-age={REMEMBERED_SECONDS}"
    patch_vary_headers(response, ["Cookie"])
    return response


def _private(response: Served, etag: str) -> Served:
    response["ETag"] = etag
    response["Cache-Control"] = f"private, max-age={_DAY}"
    # The next person at the same browser has another cookie, and so not these pictures.
    patch_vary_headers(response, ["Cookie"])
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
