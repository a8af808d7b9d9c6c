"""The pictures behind an image, with the token: on AWS the answer leads to the bucket."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404
from django.utils.cache import patch_vary_headers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from portal.api import operations
from portal.api.views.base import ImagesView, own_image
from portal.images.models import Image, Status
from portal.images.serving import IMAGE_TYPES, UNKNOWN_TYPE, Served, serve_stored


class AsItIs(BaseContentNegotiation):
    """A file has one form, whatever is accepted; only problems are rendered."""

    def select_renderer(
        self, _request: Request, renderers: Any, _format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class FileView(ImagesView):
    content_negotiation_class = AsItIs


class Original(FileView):
    @operations.images_original
    def get(self, request: Request, image_id: UUID) -> Served:
        image = own_image(request, image_id)
        if image.status == Status.AWAITING_UPLOAD:
            raise Http404
        served = serve_stored(
            request,
            "uploads",
            image.upload_key,
            content_type=IMAGE_TYPES.get(image.format, UNKNOWN_TYPE),
            etag=image.sha256,
            download_as=image.filename,
        )
        return _for_this_token(served)


class Preview(FileView):
    @operations.images_preview
    def get(self, request: Request, image_id: UUID) -> Served:
        image = own_image(request, image_id)
        return _derived(request, image, image.preview_key, "preview")


class Thumbnail(FileView):
    @operations.images_thumbnail
    def get(self, request: Request, image_id: UUID) -> Served:
        image = own_image(request, image_id)
        return _derived(request, image, image.thumbnail_key, "thumbnail")


def _derived(request: Request, image: Image, key: str, form: str) -> Served:
    if not image.has_picture:
        raise Http404
    served = serve_stored(request, "derived", key, content_type="image/jpeg", etag=f"{image.sha256}-{form}")
    return _for_this_token(served)


def _for_this_token(served: Served) -> Served:
    patch_vary_headers(served, ["Authorization"])
    return served
