"""The OpenAPI document, for programs as JSON and for people as a page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control

from portal.api.openapi import openapi_document
from portal.api.reference import reference
from portal.api.views.public import only_looked_at


@only_looked_at
@cache_control(max_age=300)
def schema(_request: HttpRequest) -> HttpResponse:
    """The document; it is public, as the routes are."""
    return JsonResponse(openapi_document(), json_dumps_params={"ensure_ascii": False, "indent": 2})


@only_looked_at
def docs(request: HttpRequest) -> HttpResponse:
    """The same document, written out for people."""
    origin = request.build_absolute_uri("/").rstrip("/")
    return render(request, "api/docs.html", {"reference": reference(), "origin": origin})
