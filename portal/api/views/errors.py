"""What is answered where no view of the API is: below /api/ as a problem, elsewhere as a page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.views import defaults

from portal.api.problem_documents import answer, is_for_the_api
from portal.api.problems import NOT_FOUND


def handler400(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not is_for_the_api(request):
        return defaults.bad_request(request, exception)
    return answer(request, "invalid_request", "This request cannot be understood.")


def handler404(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not is_for_the_api(request):
        return defaults.page_not_found(request, exception)
    return answer(request, "not_found", NOT_FOUND)


def handler500(request: HttpRequest) -> HttpResponseBase:
    if not is_for_the_api(request):
        return defaults.server_error(request)
    return answer(request, "internal_error", "This is our mistake. It was written down.")
