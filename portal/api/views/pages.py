"""Pages for those who write a client."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.api.problem_codes import KINDS


@require_safe
def problems(request: HttpRequest) -> HttpResponse:
    """Every code of a problem. The `type` of each problem leads here."""
    return render(request, "api/problems.html", {"kinds": KINDS})
