"""Whatever goes wrong below /api/ is answered as `application/problem+json`.

https://www.rfc-editor.org/rfc/rfc9457
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

from portal.api.problem_codes import KINDS
from portal.api.problem_documents import MEDIA_TYPE, Errors, document
from portal.images.quotas import QuotaExceeded
from portal.images.uploads import UploadRefused

logger = logging.getLogger(__name__)

_AGAIN_SECONDS = 5

# What a refused upload is about.
_FIELDS = {
    "invalid_filename": "filename",
    "invalid_content_type": "content_type",
    "unsupported_format": "content_type",
    "invalid_size": "size",
    "empty_file": "size",
    "file_too_large": "size",
    "invalid_sha256": "sha256",
}
_CODES: dict[type[Exception], str] = {
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.AuthenticationFailed: "invalid_token",
    exceptions.PermissionDenied: "permission_denied",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.ParseError: "invalid_request",
    exceptions.Throttled: "rate_limited",
}
NOT_FOUND = "There is nothing at this address, or it is not yours."


class Problem(exceptions.APIException):
    """What is answered instead of a result. `code` is one of KINDS, `detail` a sentence on this very case.

    `errors` are fields with what is wrong with each; `status` is the code's own unless it is given.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        status: int | None = None,
        errors: Errors = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail, code)
        self.code = code
        self.status_code = status or KINDS[code].status
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        if self.status_code == 401:
            self.headers.setdefault("WWW-Authenticate", "Bearer")


def handle(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """Django REST framework's exception handler. None for what nobody expected: that ends in the log, and as a 500."""
    problem = _problem(exc)
    if problem is None:
        return None
    status, detail = problem.status_code, str(problem.detail)
    content = document(context["request"], problem.code, detail, status, problem.errors)
    return Response(content, status, headers=problem.headers, content_type=MEDIA_TYPE)


def _problem(exc: Exception) -> Problem | None:
    if isinstance(exc, Problem):
        return exc
    if isinstance(exc, UploadRefused):
        errors = [(_FIELDS[exc.code], exc.message)] if exc.code in _FIELDS else []
        return Problem(exc.code, exc.message, exc.status, errors)
    if isinstance(exc, QuotaExceeded):
        return Problem(exc.code, exc.message)
    if isinstance(exc, exceptions.APIException):
        return _of_the_framework(exc)
    return _of_django(exc)


def _of_django(exc: Exception) -> Problem | None:
    if isinstance(exc, Http404):
        return Problem("not_found", NOT_FOUND)
    if isinstance(exc, PermissionDenied):
        return Problem("permission_denied", str(exc) or KINDS["permission_denied"].title)
    if isinstance(exc, RequestDataTooBig):
        return Problem("request_too_large", "The body of the request is larger than what is read here.")
    if isinstance(exc, OperationalError):
        logger.error("the database does not answer", exc_info=exc)
        detail = "The database does not answer at the moment."
        return Problem("unavailable", detail, headers={"Retry-After": str(_AGAIN_SECONDS)})
    return None


def _of_the_framework(exc: exceptions.APIException) -> Problem:
    if isinstance(exc, exceptions.ValidationError):
        detail = "The request is not valid: “errors” says what is wrong with it."
        return Problem("invalid_request", detail, exc.status_code, _flat(exc.detail))
    code = next((code for kind, code in _CODES.items() if isinstance(exc, kind)), "")
    if not code:
        code = "invalid_request" if exc.status_code < 500 else "unavailable"
    wait = getattr(exc, "wait", None)
    headers = {} if wait is None else {"Retry-After": str(int(wait))}
    detail = NOT_FOUND if code == "not_found" else str(exc.detail)
    # Its own status is 403 where nothing could be asked for; there is always a token.
    return Problem(code, detail, KINDS[code].status if code in _CODES.values() else exc.status_code, headers=headers)


def _flat(detail: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Messages of nested serializers with the path to each, such as `files.3.size`."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            own = "" if name == "non_field_errors" else str(name)
            yield from _flat(inner, ".".join(filter(None, (field, own))))
    elif isinstance(detail, list):
        for position, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from _flat(inner, ".".join(filter(None, (field, str(position)))) if nested else field)
    else:
        yield field, str(detail)
