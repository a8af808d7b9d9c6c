"""How often a token may be used: so many requests in each minute, counted on the token's own row.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Case, F, Value, When
from django.db.models.functions import Greatest
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from portal.api.models import ApiToken
from portal.api.problems import Problem

WINDOW_SECONDS = 60
_ALLOWANCE = "imagesift.allowance"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a token has left in this window, and the seconds until the next one. Requests at the same time may have
    been told the same number; none is let through above the limit."""

    limit: int
    left: int
    seconds: int

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Policy": f'"default";q={self.limit};w={WINDOW_SECONDS}',
            "RateLimit": f'"default";r={self.left};t={self.seconds}',
        }


def count(token: ApiToken, request: HttpRequest) -> None:
    """Count one request of `token`, which was read just now, and note its use: one statement.

    Raises Problem when nothing is left. The answer's headers are the middleware's task. Whoever's clock is late counts
    in the minute that the others have got to: windows never go back, or each of its requests would begin one anew.
    """
    now, limit = timezone.now(), settings.API_REQUESTS_PER_MINUTE
    window, passed = divmod(int(now.timestamp()), WINDOW_SECONDS)
    counted = (
        ApiToken.objects.filter(pk=token.pk)
        .exclude(window__gte=window, requests__gte=limit)
        .update(
            window=Greatest(F("window"), Value(window)),
            requests=Case(When(window__gte=window, then=F("requests") + 1), default=Value(1)),
            last_used_at=now,
        )
    )
    before = token.requests if token.window >= window else 0
    left = max(0, limit - before - 1) if counted else 0
    request.META[_ALLOWANCE] = Allowance(limit, left, WINDOW_SECONDS - passed)
    if not counted:
        detail = f"This token has made its {limit:,} requests of this minute."
        raise Problem("rate_limited", detail, headers={"Retry-After": str(WINDOW_SECONDS - passed)})


class RateLimitMiddleware:
    """Tells whoever came with a token what is left of it, whatever else the answer is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        allowance: Allowance | None = request.META.get(_ALLOWANCE)
        if allowance is not None:
            for name, value in allowance.headers().items():
                response[name] = value
            response.headers.setdefault("Cache-Control", "no-store")
        return response
