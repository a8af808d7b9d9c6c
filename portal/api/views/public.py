"""What is only looked at, by whoever comes: other methods are refused as everywhere in the API."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from portal.api.problem_documents import answer

View = Callable[[HttpRequest], HttpResponse]


def only_looked_at(view: View) -> View:
    """Lets GET and HEAD through; every other method is answered as a problem."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            return view(request)
        detail = f'Method "{request.method}" not allowed.'
        return answer(request, "method_not_allowed", detail, headers={"Allow": "GET, HEAD"})

    # There is nothing to forge, and the page about cookies is not for programs.
    return csrf_exempt(guarded)
