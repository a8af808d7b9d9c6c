"""How far images are in following a change of the vocabulary, and the way back."""

from __future__ import annotations

from typing import Any, Final, cast
from uuid import UUID, uuid4

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from portal.accounts.models import User
from portal.images.workers import by_lambda
from portal.moderation.deeds import Refused
from portal.moderation.models import VocabularyChange
from portal.moderation.vocabulary.changing import CHANGE_FLAGS, CHANGE_WORDS, Kind, Wish
from portal.moderation.vocabulary.following import follow
from portal.moderation.vocabulary.undoing import undo

# Where there are no workers, who looks at the progress makes it.
_SECONDS: Final = 3.0


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("moderation.view_vocabularychange", raise_exception=True)
def change(request: HttpRequest, change_id: UUID) -> HttpResponse:
    """GET: the page, or with `format=json` what its script asks for again and again. POST: undo the change."""
    shown = get_object_or_404(VocabularyChange.objects.select_related("made_by", "undone_by"), pk=change_id)
    if request.method == "POST":
        return _undo(request, shown)
    if request.GET.get("format") != "json":
        return _page(request, shown)
    if by_lambda() and shown.finished_at is None:
        follow(shown.pk, _SECONDS)
        shown.refresh_from_db()
    return JsonResponse(
        {"done": shown.images_done, "percent": shown.percent, "finished": shown.finished_at is not None}
    )


def _page(request: HttpRequest, shown: VocabularyChange) -> HttpResponse:
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": shown.summary,
        "opts": VocabularyChange._meta,
        "change": shown,
        "may_undo": shown.undone_by_id is None and request.user.has_perm(_permission(shown)),
        "wish": uuid4(),
    }
    return TemplateResponse(request, "admin/moderation/change.html", context)


def _undo(request: HttpRequest, shown: VocabularyChange) -> HttpResponse:
    try:
        wish = Wish(UUID(request.POST.get("wish", "")), cast(User, request.user))
        shown = undo(wish, shown.pk)
    except ValueError:
        messages.error(request, "This form is incomplete. Please try again.")
    except Refused as refusal:
        messages.error(request, refusal.message)
    return HttpResponseRedirect(reverse("moderation:change", args=[shown.pk]))


def _permission(shown: VocabularyChange) -> str:
    return CHANGE_FLAGS if shown.kind == Kind.FLAGS else CHANGE_WORDS
