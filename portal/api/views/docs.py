"""The OpenAPI document, for programs as JSON and for people as a page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe


@require_safe
@cache_control(max_age=300)
def schema(_request: HttpRequest) -> HttpResponse:
    """The document; it is public, as the routes are."""
    # Not loaded for requests that do without: its libraries take their time.
    from portal.api.schema import openapi_document

    return JsonResponse(openapi_document(), json_dumps_params={"ensure_ascii": False, "indent": 2})


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The same document, written out for people."""
    from portal.api.reference import reference

    origin = request.build_absolute_uri("/").rstrip("/")
    return render(request, "api/docs.html", {"reference": reference(), "origin": origin})
