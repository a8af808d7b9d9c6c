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
from portal.images.decisions import decided
from portal.images.history import own_images
from portal.images.label_rows import LabelRow
from portal.images.models import FlagVerdict, Image, Recognition, Status
from portal.images.presentation import PhotoView, display_size, photo_view
from portal.images.waiting import is_held, waiting_words
from portal.moderation.flagging import flag_limits, warning_flags
from portal.moderation.loading import truths
from portal.moderation.models import Suggestion
from portal.moderation.sharing import is_up_to_owners, who_sees
from portal.moderation.suggesting import suggestions

_LISTED_RECOGNITIONS = 50


@login_required
@require_safe
@never_cache
def detail(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """One image of the person's own; `?recognition=` shows an earlier recognition, `?show=1` a flagged photo."""
    owner = person(request)
    images = Image.objects.select_related("current", "review")
    image = get_object_or_404(images, pk=image_id, owner=owner)
    recognition = _chosen(image, request.GET.get("recognition"))
    # What was removed has nothing any more that could be shown.
    view = _view(image, recognition, owner) if recognition and image.verdict != FlagVerdict.REMOVED else None
    context = {
        "image": image,
        "recognition": recognition,
        "recognitions": image.recognitions.all()[:_LISTED_RECOGNITIONS],
        "view": view,
        "labels": _with_suggestions(image, view, owner) if view else [],
        "may_say": recognition is not None and recognition.pk == image.current_id,
        "display": display_size(image.width, image.height) if image.width and image.height else None,
        "is_veiled": _is_flagged(image, view) and request.GET.get("show") != "1",
        "is_waiting": image.status in (Status.QUEUED, Status.PROCESSING),
        "is_held": is_held(image),
        "waiting": waiting_words([image]).get(image.pk, ""),
        "newer": _newer(image, owner),
        "older": _older(image, owner),
        "who_sees": who_sees(image),
        "sharing_is_up_to_owner": is_up_to_owners(),
    }
    return render(request, "images/detail.html", context)


def _chosen(image: Image, wanted: str | None) -> Recognition | None:
    """The recognition asked for, else the image's current one. Raises Http404 for one that this image does not have."""
    if wanted is None:
        return image.current or image.recognitions.first()
    if not wanted.isdecimal():
        raise Http404
    return get_object_or_404(image.recognitions, pk=int(wanted))


def _view(image: Image, recognition: Recognition, reader: User) -> PhotoView:
    """The current recognition with what people said of it, any other as the detectors gave it."""
    is_current = recognition.pk == image.current_id
    result = recognition.result
    return photo_view(
        result,
        threshold=settings.SHOWN_CONFIDENCE,
        flags=warning_flags(result.moderation_labels, flag_limits()) if result.moderation_labels else (),
        truth=truths([image])[image.pk] if is_current else None,
        decided=decided(image, reader) if is_current else None,
    )


def _with_suggestions(image: Image, view: PhotoView, owner: User) -> list[tuple[LabelRow, Suggestion | None]]:
    said = suggestions(image, owner)
    return [(row, said.get(row.name.lower())) for row in view.labels]


def _is_flagged(image: Image, view: PhotoView | None) -> bool:
    """Whether any recognition at hand warns of the photo, be it the newest or the one looked at.

    Where a moderator decided, that counts for all of them.
    """
    return image.is_flagged or (image.verdict == FlagVerdict.NONE and bool(view and view.flags))


def _newer(image: Image, owner: User) -> Image | None:
    later = Q(created_at__gt=image.created_at) | Q(created_at=image.created_at, id__gt=image.id)
    return own_images(owner).filter(later).order_by("created_at", "id").first()


def _older(image: Image, owner: User) -> Image | None:
    earlier = Q(created_at__lt=image.created_at) | Q(created_at=image.created_at, id__lt=image.id)
    return own_images(owner).filter(earlier).first()
