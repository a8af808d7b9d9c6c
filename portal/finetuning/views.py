"""Pages and decisions around a candidate: the shadow, what would change, and recognising the history again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.person import person
from portal.finetuning import difference_page, repeat_page, repeating, shadowing
from portal.finetuning.difference_asking import begin_difference
from portal.finetuning.models import DifferenceRun, ModelVersion, Repeat
from portal.images.models import Image
from portal.images.serving import Served, serve_stored
from portal.moderation.access import REVIEW
from portal.moderation.deeds import Refused
from portal.moderation.looking import note_looks

View = Callable[..., HttpResponseBase]
_DEEDS: Final = {"pause": repeating.pause, "go-on": repeating.go_on, "cancel": repeating.cancel}


def allowed(view: View, *, cacheable: bool = False) -> View:
    """For members of staff who may see models: others are sent to sign in, or refused."""

    @wraps(view)
    def permitted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not person(request).has_perm("finetuning.view_modelversion"):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return admin.site.admin_view(permitted, cacheable=cacheable)


# The shadow -----------------------------------------------------------------------------------------------------------


@require_POST
def start(request: HttpRequest, version_id: UUID) -> HttpResponse:
    version = get_object_or_404(ModelVersion, pk=version_id)

    def do() -> str:
        run = shadowing.start_shadow(version, _number(request, "percent"), person(request))
        return f"{version} looks at {run.percent} % of new uploads from now on. No owner sees what it says."

    return _done(request, do, _page_of(version_id))


@require_POST
def stop(request: HttpRequest, version_id: UUID) -> HttpResponse:
    version = get_object_or_404(ModelVersion, pk=version_id)

    def do() -> str:
        shadowing.stop_shadow(person(request), of=version)
        return "No candidate looks at new uploads any more."

    return _done(request, do, _page_of(version_id))


# What would change ----------------------------------------------------------------------------------------------------


@require_POST
def ask_for_difference(request: HttpRequest, version_id: UUID) -> HttpResponse:
    version = get_object_or_404(ModelVersion, pk=version_id)

    def do() -> str:
        begin_difference(version, _number(request, "images"), person(request))
        return "Both models look at the sample now."

    return _done(request, do, f"{_page_of(version_id)}#difference")


@require_POST
def difference_progress(_request: HttpRequest, run_id: UUID) -> JsonResponse:
    run = get_object_or_404(DifferenceRun, pk=run_id)
    words = f"{run.images_done:,} of {run.images_total or 0:,} photos compared. You may leave this page."
    return JsonResponse({"state": run.state, "percent": run.percent_done, "words": words})


@require_safe
def difference(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Image by image, filtered by label and kind, a page at a time; each look is in the audit log."""
    run = get_object_or_404(DifferenceRun.objects.select_related("candidate", "running"), pk=run_id)
    user = person(request)
    wanted = difference_page.Wanted(request.GET.get("label", ""), request.GET.get("kind", ""))
    page = difference_page.page(run, user, wanted, request.GET.get("page", ""))
    images = difference_page.shown(list(page.object_list), wanted)
    note_looks(user, [each.image for each in images])
    context = {
        **admin.site.each_context(request),
        "title": "What would change",
        "run": run,
        "classes": difference_page.classes(run),
        "kinds": difference_page.KINDS,
        "wanted": wanted,
        "page": page,
        "images": images,
        "kept_back": difference_page.changed(run).count() - difference_page.visible(run, user).count(),
        "may_look": user.has_perm(REVIEW),
        "back": _page_of(run.candidate_id),
    }
    return TemplateResponse(request, "admin/finetuning/difference.html", context)


@require_safe
def picture(request: HttpRequest, run_id: UUID, image_id: UUID) -> Served:
    """The preview of one of these images, for those who may see it."""
    user = person(request)
    run = get_object_or_404(DifferenceRun, pk=run_id)
    row = difference_page.visible(run, user).select_related("image").filter(image=image_id).first()
    if row is None:
        raise Http404
    image: Image = row.image
    note_looks(user, [image])
    etag = f"{image.sha256}-preview"
    return serve_stored(request, "derived", image.preview_key, content_type="image/jpeg", etag=etag)


# The history once more ------------------------------------------------------------------------------------------------


@require_safe
def repeat(request: HttpRequest) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": "Recognise the history again"}
    context |= repeat_page.whole_page(person(request))
    return TemplateResponse(request, "admin/finetuning/repeat.html", context)


@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    def do() -> str:
        begun = repeating.begin_repeat(_number(request, "per_minute"), person(request))
        return f"{begun.images_total:,} photos are recognised again, {begun.per_minute:,} a minute."

    return _done(request, do, reverse("finetuning:repeat"))


@require_POST
def decide(request: HttpRequest, repeat_id: UUID, deed: str) -> HttpResponse:
    if deed not in _DEEDS:
        raise Http404

    def do() -> str:
        return f"{_DEEDS[deed](repeat_id, person(request)).get_state_display()}."

    return _done(request, do, reverse("finetuning:repeat"))


@require_POST
def repeat_progress(_request: HttpRequest, repeat_id: UUID) -> JsonResponse:
    """How far it is; the asking itself gets it on, where its pace allows."""
    repeating.step(repeat_id)
    shown = get_object_or_404(Repeat, pk=repeat_id)
    return JsonResponse({"state": shown.state, "percent": shown.percent_done, "words": repeat_page.words(shown)})


# All of them ----------------------------------------------------------------------------------------------------------


def _done(request: HttpRequest, do: Callable[[], str], back: str) -> HttpResponse:
    """Do it, say what happened or why not, and go back."""
    try:
        messages.success(request, do())
    except Refused as refused:
        messages.error(request, refused.message)
    return HttpResponseRedirect(back)


def _number(request: HttpRequest, name: str) -> int:
    try:
        return int(request.POST.get(name, ""))
    except ValueError:
        raise Refused("malformed", "Give a whole number.", 400) from None


def _page_of(version_id: UUID) -> str:
    return reverse("admin:finetuning_modelversion_change", args=[version_id])
