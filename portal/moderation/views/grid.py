"""The grid of crops of one label: its page, its next pages, and decisions on many at once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.person import person
from portal.moderation.actions.bulk import in_bulk
from portal.moderation.asking import BulkBody, GridQuery, read
from portal.moderation.deeds import Refused
from portal.moderation.grid import Page, Place, WantedCrops, page
from portal.moderation.views.answering import refusal
from portal.moderation.views.review import detectors


@ensure_csrf_cookie
@require_safe
def grid(request: HttpRequest) -> HttpResponse:
    """The page with its first crops; with `format=json` those after `after` alone."""
    asked = {name: request.GET.get(name, "") for name in ("label", "from", "to", "detector", "state")}
    query = GridQuery(data={name: value for name, value in asked.items() if value})
    if request.GET.get("format") == "json":
        return _more(request, query)
    problems = [] if query.is_valid() else [f"The filter “{name}” was not understood." for name in query.errors]
    wanted = WantedCrops("") if problems else query.wanted()
    context = {
        **admin.site.each_context(request),
        "title": "In bulk",
        "filters": {**asked, "state": asked["state"] or wanted.state},
        "problems": problems,
        "detectors": detectors(wanted.detector),
        "page": _page(request, wanted, None),
    }
    return render(request, "admin/moderation/grid.html", context)


def _more(request: HttpRequest, query: GridQuery) -> JsonResponse:
    try:
        if not query.is_valid():
            raise Refused("malformed", "These filters cannot be understood.", 400)
        return JsonResponse(_page(request, query.wanted(), _place(request.GET.get("after", ""))))
    except Refused as refused:
        return refusal(refused)


@require_POST
def decide(request: HttpRequest) -> JsonResponse:
    """One verb for many boxes. Those that somebody decided on meanwhile, or that cannot be seen, are left alone."""
    body = read(request, BulkBody)
    outcome = in_bulk(person(request), body["id"], body["verb"], body["instances"], body["label"])
    return JsonResponse({"batch": str(body["id"]), "decided": outcome.decided, "left_alone": outcome.left_alone})


def _place(text: str) -> Place | None:
    try:
        return Place.parse(text) if text else None
    except ValueError:
        raise Refused("malformed", "There is no such place in the list.", 400) from None


def _page(request: HttpRequest, wanted: WantedCrops, after: Place | None) -> dict[str, Any]:
    found = page(person(request), wanted, after) if wanted.label else Page()
    return {
        "crops": [crop.as_json() for crop in found.crops],
        "after": str(found.after) if found.after else None,
        "total": None,
    }
