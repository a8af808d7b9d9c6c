"""Pages for those who write a client."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.api.problem_codes import KINDS
from portal.api.views.public import only_looked_at


@only_looked_at
def problems(request: HttpRequest) -> HttpResponse:
    """Every code of a problem. The `type` of each problem leads here."""
    return render(request, "api/problems.html", {"kinds": KINDS})
