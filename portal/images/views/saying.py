"""What owners say of their images: that a label is right or wrong, and that moderators may look."""

from __future__ import annotations

import re
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.person import person
from portal.images.models import Image
from portal.moderation.deeds import Refused
from portal.moderation.finding import suggest_words
from portal.moderation.sharing import is_up_to_owners, share
from portal.moderation.suggesting import suggest, suggestions, take_back

_KEY = re.compile(r"label-[0-9]{1,6}")
_NOTHING = "nothing"
_LONGEST_QUERY = 200


@login_required
@require_POST
def suggestion(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """Say of the `label` that it is `kind` (right, wrong, instead, nothing); `key` is its row on the page."""
    image = get_object_or_404(Image, pk=image_id, owner=person(request))
    label, problem = request.POST.get("label", ""), ""
    try:
        if request.POST.get("kind") == _NOTHING:
            take_back(image, person(request), label)
        else:
            suggest(image, person(request), label, request.POST.get("kind", ""), request.POST.get("instead", ""))
    except Refused as refusal:
        problem = refusal.message
    if not getattr(request, "htmx", False):
        if problem:
            messages.error(request, problem)
        return redirect(image)
    key = request.POST.get("key", "")
    context = {
        "image": image,
        "name": label,
        "key": key if _KEY.fullmatch(key) else "label-0",
        "said": suggestions(image, person(request)).get(label.lower()),
        "problem": problem,
        "is_answer": True,
    }
    return render(request, "images/_suggest.html", context)


@login_required
@require_POST
def sharing(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """Share the image with moderators (`shared=1`), or stop."""
    image = get_object_or_404(Image, pk=image_id, owner=person(request))
    if not is_up_to_owners():
        raise Http404
    shared = request.POST.get("shared") == "1"
    share([image.pk], shared)
    messages.success(request, "Moderators may look at it now." if shared else "Moderators see it no more.")
    return redirect(image)


@login_required
@require_safe
@never_cache
def words(request: HttpRequest) -> JsonResponse:
    """Labels to choose from while somebody types `q`, best first."""
    q = request.GET.get("q", "")[:_LONGEST_QUERY].replace("\0", "").strip()
    return JsonResponse({"words": [label.title for label in suggest_words(q)] if q else []})
