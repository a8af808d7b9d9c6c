"""The page of one image: the photo, and what was recognised in it."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.accounts.models import User
from portal.accounts.person import person
from portal.images.history import own_images
from portal.images.models import Image, Recognition, Status
from portal.images.presentation import PhotoView, display_size, photo_view
from portal.images.waiting import is_held, waiting_words

_LISTED_RECOGNITIONS = 50


@login_required
@require_safe
@never_cache
def detail(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """One image of the person's own; `?recognition=` shows an earlier recognition, `?show=1` a flagged photo."""
    owner = person(request)
    image = get_object_or_404(Image.objects.select_related("current"), pk=image_id, owner=owner)
    recognition = _chosen(image, request.GET.get("recognition"))
    view = _view(recognition) if recognition else None
    context = {
        "image": image,
        "recognition": recognition,
        "recognitions": image.recognitions.all()[:_LISTED_RECOGNITIONS],
        "view": view,
        "display": display_size(image.width, image.height) if image.width and image.height else None,
        "is_veiled": _is_flagged(image, view) and request.GET.get("show") != "1",
        "is_waiting": image.status in (Status.QUEUED, Status.PROCESSING),
        "is_held": is_held(image),
        "waiting": waiting_words([image]).get(image.pk, ""),
        "newer": _newer(image, owner),
        "older": _older(image, owner),
    }
    return render(request, "images/detail.html", context)


def _chosen(image: Image, wanted: str | None) -> Recognition | None:
    """The recognition asked for, else the image's current one. Raises Http404 for one that this image does not have."""
    if wanted is None:
        return image.current or image.recognitions.first()
    if not wanted.isdecimal():
        raise Http404
    return get_object_or_404(image.recognitions, pk=int(wanted))


def _view(recognition: Recognition) -> PhotoView:
    return photo_view(
        recognition.result,
        threshold=settings.SHOWN_CONFIDENCE,
        flag_threshold=settings.CONTENT_FLAG_CONFIDENCE,
    )


def _is_flagged(image: Image, view: PhotoView | None) -> bool:
    """Whether any recognition at hand warns of the photo, be it the newest or the one looked at."""
    return image.is_flagged or bool(view and view.flags)


def _newer(image: Image, owner: User) -> Image | None:
    later = Q(created_at__gt=image.created_at) | Q(created_at=image.created_at, id__gt=image.id)
    return own_images(owner).filter(later).order_by("created_at", "id").first()


def _older(image: Image, owner: User) -> Image | None:
    earlier = Q(created_at__lt=image.created_at) | Q(created_at=image.created_at, id__lt=image.id)
    return own_images(owner).filter(earlier).first()
