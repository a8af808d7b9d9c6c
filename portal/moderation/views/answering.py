"""What all of moderation's addresses have in common: who may ask, and how a refusal is worded for a script."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse

from portal.accounts.person import person
from portal.images.models import Image
from portal.moderation.access import REVIEW, visible_images
from portal.moderation.deeds import Refused

View = Callable[..., HttpResponseBase]


def page(view: View, *, cacheable: bool = False) -> View:
    """For members of staff who may review images: others are sent to sign in, or refused."""

    @wraps(view)
    def permitted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not person(request).has_perm(REVIEW):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return admin.site.admin_view(permitted, cacheable=cacheable)


def document(view: View) -> View:
    """The same for what a script asks for: refusals are JSON with a code and a sentence."""

    @wraps(view)
    def worded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            if not person(request).has_perm(REVIEW):
                raise Refused("forbidden", "You may not review images.", 403)
            return view(request, *args, **kwargs)
        except Refused as refused:
            return refusal(refused)
        except Http404:
            return refusal(Refused("not_found", "There is no such image, or you may not see it.", 404))

    return admin.site.admin_view(worded)


def refusal(refused: Refused) -> JsonResponse:
    return JsonResponse({"error": {"code": refused.code, "message": refused.message}}, status=refused.status)


def seen_image(request: HttpRequest, image_id: UUID) -> Image:
    """An image that the moderator may see, with its owner, its recognition and its place in the queue.

    Raises Http404 for others, as if there were none.
    """
    images = visible_images(person(request)).select_related("owner", "current", "review")
    image = images.filter(pk=image_id, review__isnull=False).first()
    if image is None:
        raise Http404
    return image
