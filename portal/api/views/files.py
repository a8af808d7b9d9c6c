"""The pictures behind an image, with the token: on AWS the answer leads to the bucket."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from django.http import Http404
from django.utils.cache import patch_vary_headers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from portal.api.describing import described
from portal.api.problems import Problem
from portal.api.views.base import ImagesView, own_image
from portal.images.models import FlagVerdict, Status
from portal.images.serving import IMAGE_TYPES, UNKNOWN_TYPE, Served, serve_picture, serve_stored


class AsItIs(BaseContentNegotiation):
    """A file has one form, whatever is accepted; only problems are rendered."""

    def select_renderer(
        self, _request: Request, renderers: Any, _format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class FileView(ImagesView):
    content_negotiation_class = AsItIs


class Original(FileView):
    @described("images_original")
    def get(self, request: Request, image_id: UUID) -> Served:
        image = own_image(request, image_id)
        if image.verdict == FlagVerdict.REMOVED:
            raise Problem("hidden", "A moderator removed this image.")
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
    @described("images_preview")
    def get(self, request: Request, image_id: UUID) -> Served:
        return _picture(request, image_id, "preview")


class Thumbnail(FileView):
    @described("images_thumbnail")
    def get(self, request: Request, image_id: UUID) -> Served:
        return _picture(request, image_id, "thumbnail")


def _picture(request: Request, image_id: UUID, form: Literal["preview", "thumbnail"]) -> Served:
    image = own_image(request, image_id)
    if image.is_hidden:
        raise Problem("hidden", "A moderator decided that this picture is not shown.")
    return _for_this_token(serve_picture(request, image, form))


def _for_this_token(served: Served) -> Served:
    patch_vary_headers(served, ["Authorization"])
    return served
