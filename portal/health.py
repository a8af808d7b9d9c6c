"""For whoever watches the portal: is it alive, and can it do its work?"""

from __future__ import annotations

from collections.abc import Callable

from django.core.files.storage import storages
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.images.workers import any_alive, by_lambda


@never_cache
@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """The process answers: it is alive, whatever else may be down."""
    return HttpResponse("ok", content_type="text/plain")


@never_cache
@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 when database, storages and, where one is needed, a worker are there, else 503; the body says what is not."""
    checks: dict[str, Callable[[], None]] = {"database": _check_database, "storage": _check_storages}
    if not by_lambda():
        checks["worker"] = _check_worker
    outcome = {name: _outcome(check) for name, check in checks.items()}
    ready = all(state == "ok" for state in outcome.values())
    return JsonResponse({"ready": ready, **outcome}, status=200 if ready else 503)


class _NotReady(Exception):
    """A part is missing; the message says which, for a public page."""


def _outcome(check: Callable[[], None]) -> str:
    try:
        check()
    except _NotReady as error:
        return str(error)
    return "ok"


def _check_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        raise _NotReady("does not answer") from error


def _check_storages() -> None:
    for alias in ("uploads", "derived"):
        try:
            # Not `exists`: to S3 a bucket that is not there is a file that is not there.
            storages[alias].listdir("readiness")
        except FileNotFoundError:
            continue
        except Exception as error:
            raise _NotReady(f"{alias} does not answer") from error


def _check_worker() -> None:
    try:
        alive = any_alive()
    except DatabaseError as error:
        raise _NotReady("unknown: the database does not answer") from error
    if not alive:
        raise _NotReady("no worker has reported lately")
