"""While the database wakes up: pages say so and come back by themselves; what somebody sends waits until it is awake.

A database that pauses when nobody needs it takes about fifteen seconds to resume.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2-auto-pause.html
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve

from portal.api.problem_documents import answer, is_for_the_api
from portal.api.tokens import looks_like_token, presented

logger = logging.getLogger(__name__)

# API Gateway gives up after 30 seconds; the answer itself needs some of them.
HELD_SECONDS = 20.0
PAUSE_SECONDS = 0.5
AGAIN_SECONDS = 5

_WITHOUT_DATABASE = ("healthz", "readyz")
# Where strangers read: there is something of the database in them only for those who are signed in.
_FOR_STRANGERS = ("", "home", "api:problems", "api:schema", "api:docs")
# What the server says of a database that will never let us in: waiting would be of no use.
_REFUSALS = ("authentication failed", "does not exist", "no pg_hba.conf entry", "permission denied", "certificate")


class WakingMiddleware:
    """Connects to the database before anybody else does, patiently where a request would lose what was typed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not settings.DATABASE_HOST:
            raise MiddlewareNotUsed
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not _needs_database(request):
            return self._get_response(request)
        only_looks = request.method in ("GET", "HEAD", "OPTIONS")
        try:
            connect(0 if only_looks else HELD_SECONDS)
        except OperationalError as error:
            if is_refused(error):
                raise
            logger.info("the database is waking up: %s", error)
            return _waking(request, only_looks=only_looks)
        return self._get_response(request)


def _needs_database(request: HttpRequest) -> bool:
    """Not where there is no page, nor for strangers on the start page or without a token: who only tries addresses
    must not wake it up."""
    try:
        name = resolve(request.path_info).view_name
    except Resolver404:
        name = ""
    if name in _WITHOUT_DATABASE:
        return False
    if name in _FOR_STRANGERS:
        return settings.SESSION_COOKIE_NAME in request.COOKIES
    if is_for_the_api(request):
        # Whoever has none is refused without looking it up.
        return looks_like_token(presented(request.headers.get("Authorization", "")) or "")
    return True


def connect(within: float) -> None:
    """Connect to the database, trying for `within` seconds (0: once), unless it refuses us for good.

    Raises OperationalError.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            connection.ensure_connection()
            return
        except OperationalError as error:
            if is_refused(error) or time.monotonic() + PAUSE_SECONDS >= deadline:
                raise
        time.sleep(PAUSE_SECONDS)


def is_refused(error: OperationalError) -> bool:
    """Whether a connection failed for a reason that does not pass by itself."""
    return any(refusal in str(error) for refusal in _REFUSALS)


def _waking(request: HttpRequest, *, only_looks: bool) -> HttpResponse:
    message = "ImageSift is waking up. Try again in a few seconds."
    if is_for_the_api(request):
        response: HttpResponse = answer(request, "waking_up", message)
    elif _is_for_a_program(request):
        response = JsonResponse({"error": {"code": "waking_up", "message": message}}, status=503)
    else:
        context = {"only_looks": only_looks, "again_seconds": AGAIN_SECONDS}
        # Without the request: who is signed in is written in the database.
        response = HttpResponse(render_to_string("waking.html", context), status=503)
    response["Retry-After"] = str(AGAIN_SECONDS)
    response["Cache-Control"] = "no-store"
    return response


def _is_for_a_program(request: HttpRequest) -> bool:
    """A script's request, ours or somebody's: it can read JSON, and a page that comes back by itself is of no use."""
    by_script = request.headers.get("Sec-Fetch-Dest") == "empty" or request.headers.get("HX-Request") == "true"
    return by_script or request.content_type == "application/json" or _prefers_json(request)


def _prefers_json(request: HttpRequest) -> bool:
    accepted = request.headers.get("Accept", "")
    return "application/json" in accepted and "text/html" not in accepted
