"""The review queue: its page, and what the page's script asks for."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.models import User
from portal.accounts.person import person
from portal.images.label_rows import detector_title
from portal.images.models import Image
from portal.images.serving import Served, serve_stored
from portal.moderation import queueing
from portal.moderation.asking import NextBody, read
from portal.moderation.deeds import Refused
from portal.moderation.item_documents import item_document
from portal.moderation.looking import note_looks
from portal.moderation.queueing import LEASE, Mode, Wanted
from portal.moderation.views.answering import seen_image

_FILTERS: Final = ("mode", "label", "detector", "owner", "since", "until")


@ensure_csrf_cookie
@require_safe
def review(request: HttpRequest) -> HttpResponse:
    """The page. Its address holds the filters, and with `image` the one to begin with."""
    asked = {name: request.GET.get(name, "") for name in _FILTERS}
    wanted, problems = _understood(asked)
    counts = queueing.waiting(wanted)
    context = {
        **admin.site.each_context(request),
        "title": "Review",
        "filters": {**asked, "mode": wanted.mode.value},
        "problems": problems,
        "modes": [{"value": mode.value, "title": mode.label, "count": counts[mode.value]} for mode in Mode],
        "detectors": detectors(wanted.detector),
        "image": _asked_image(request.GET.get("image", "")),
        "lease_seconds": int(LEASE.total_seconds()),
    }
    return render(request, "admin/moderation/review.html", context)


@require_POST
def next_item(request: HttpRequest) -> JsonResponse:
    """The next image, leased to whoever asks; or how many wait elsewhere."""
    body = read(request, NextBody)
    holding = body.pop("holding")
    user, wanted = person(request), Wanted(**{**body, "mode": Mode(body["mode"])})
    taken = queueing.take_next(user, wanted, holding)
    if taken is None:
        return JsonResponse({"item": None, "waiting": queueing.waiting(Wanted())})
    return JsonResponse({"item": _document(user, seen_image(request, taken.item.pk), taken.mode)})


@require_safe
def item(request: HttpRequest, image_id: UUID) -> JsonResponse:
    """One image's document, for whoever comes back to it."""
    return JsonResponse(_document(person(request), seen_image(request, image_id), Mode.MIXED))


@require_POST
def renew(request: HttpRequest, image_id: UUID) -> HttpResponse:
    return _lease(queueing.renew(person(request), seen_image(request, image_id).pk))


@require_POST
def release(request: HttpRequest, image_id: UUID) -> HttpResponse:
    return _lease(queueing.release(person(request), seen_image(request, image_id).pk))


@require_POST
def skip(request: HttpRequest, image_id: UUID) -> HttpResponse:
    return _lease(queueing.skip(person(request), seen_image(request, image_id).pk))


@require_safe
def preview(request: HttpRequest, image_id: UUID) -> Served:
    """The upright picture at page size, even where it is hidden from its owner."""
    image = _looked_at(request, image_id)
    return serve_stored(
        request, "derived", image.preview_key, content_type="image/jpeg", etag=f"{image.sha256}-preview"
    )


@require_safe
def thumbnail(request: HttpRequest, image_id: UUID) -> Served:
    """The upright picture at the size of a grid."""
    image = _looked_at(request, image_id)
    return serve_stored(
        request, "derived", image.thumbnail_key, content_type="image/jpeg", etag=f"{image.sha256}-thumbnail"
    )


def detectors(chosen: str = "") -> list[dict[str, str]]:
    """Detectors to filter by: those that are in use, and the one that is chosen."""
    names = dict.fromkeys([*settings.DETECTORS, chosen])
    return [{"name": name, "title": detector_title(name)} for name in names if name]


def _understood(asked: dict[str, str]) -> tuple[Wanted, list[str]]:
    """The filters of an address; what cannot be understood is left out, with a sentence on it."""
    given = {name: value for name, value in asked.items() if value}
    body = NextBody(data=given)
    if body.is_valid():
        problems: list[str] = []
    else:
        problems = [f"The filter “{name}” was not understood, and is ignored." for name in body.errors]
        body = NextBody(data={name: value for name, value in given.items() if name not in body.errors})
        body.is_valid(raise_exception=True)
    values: dict[str, Any] = {name: body.validated_data[name] for name in _FILTERS}
    return Wanted(**{**values, "mode": Mode(values["mode"])}), problems


def _asked_image(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return ""


def _document(user: User, image: Image, mode: Mode) -> dict[str, Any]:
    note_looks(user, [image])
    return item_document(image, image.review, mode)


def _looked_at(request: HttpRequest, image_id: UUID) -> Image:
    image = seen_image(request, image_id)
    if not image.has_picture:
        raise Http404
    note_looks(person(request), [image])
    return image


def _lease(is_theirs: bool) -> HttpResponse:
    if not is_theirs:
        raise Refused("leased", "Somebody else is reviewing this image now.", 409)
    return HttpResponse(status=204)
