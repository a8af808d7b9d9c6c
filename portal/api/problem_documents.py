"""How a problem is written down. Without the framework, which takes its time to load.

https://www.rfc-editor.org/rfc/rfc9457
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from portal.api.problem_codes import KINDS

MEDIA_TYPE = "application/problem+json"

Errors = Iterable[tuple[str, str]]


def document(request: HttpRequest, code: str, detail: str, status: int, errors: Errors = ()) -> dict[str, Any]:
    return {
        "type": f"{_explained_at(request)}#{code}",
        "title": KINDS[code].title,
        "status": status,
        "detail": detail,
        "code": code,
        "errors": [{"field": field, "message": message} for field, message in errors],
    }


def answer(request: HttpRequest, code: str, detail: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """A problem as the whole answer, with the code's own status."""
    status = KINDS[code].status
    content = json.dumps(document(request, code, detail, status))
    return HttpResponse(content, MEDIA_TYPE, status, headers=headers)


def is_for_the_api(request: HttpRequest) -> bool:
    return request.path_info == "/api" or request.path_info.startswith("/api/")


def _explained_at(request: HttpRequest) -> str:
    address = reverse("api:problems")
    try:
        return request.build_absolute_uri(address)
    except DisallowedHost:
        # Nobody may be sent to a host that is not ours.
        return address
