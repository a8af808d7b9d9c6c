"""Sweeping while the database is awake anyway: a schedule that woke it for this every few minutes would cost money."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.core.cache import cache
from django.core.exceptions import MiddlewareNotUsed
from django.db import connection
from django.http import HttpRequest, HttpResponseBase

from portal.images.sweeping import go_on, sweep
from portal.images.workers import by_lambda

logger = logging.getLogger(__name__)

EVERY_SECONDS = 300
# So that nobody notices that their page had to wait for it.
_WITHIN_A_REQUEST_SECONDS = 1.0
_LOOKED_EVERY_SECONDS = 60.0

_looked: dict[str, float] = {}


class SweepingMiddleware:
    """Sweeps a little at the end of a request that has used the database, when it is time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not by_lambda():
            raise MiddlewareNotUsed
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if connection.connection is not None:
            sweep_if_due(_WITHIN_A_REQUEST_SECONDS)
        return response


def sweep_if_due(within: float) -> bool:
    """Sweep for at most so many seconds, unless somebody did in the last five minutes. Never raises."""
    return _if_due("sweep", lambda: sweep(within))


def go_on_if_due(within: float) -> bool:
    """Only set images going again that got stuck, which takes fewer rights. Never raises."""
    return _if_due("go_on", lambda: go_on(within))


def _if_due(name: str, chore: Callable[[], object]) -> bool:
    if time.monotonic() - _looked.get(name, -_LOOKED_EVERY_SECONDS) < _LOOKED_EVERY_SECONDS:
        return False
    _looked[name] = time.monotonic()
    try:
        # The first to write the entry does it; it is forgotten when it is time again.
        if not cache.add(f"{__name__}.{name}", True, EVERY_SECONDS):
            return False
        logger.info("did on the way: %s: %s", name, chore())
    except Exception:
        logger.exception("%s failed on the way", name)
        return False
    return True
