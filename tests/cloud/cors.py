"""What S3 tells a browser of a bucket's CORS rules: moto answers preflights without a look at the headers asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from tests.cloud.policies import like
from tests.cloud.requests_seen import Seen

Headers = list[tuple[str, str]]


def cors_headers(request: Seen, method: str) -> Headers:
    """For a page of another origin; empty where no rule of the bucket admits it."""
    origin = request.headers.get("origin")
    bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.get(request.path.lstrip("/").partition("/")[0])
    if origin is None or bucket is None:
        return []
    wanted = [name.strip() for name in request.headers.get("access-control-request-headers", "").split(",")]
    for rule in bucket.cors:
        origins, methods = _listed(rule.allowed_origins), _listed(rule.allowed_methods)
        headers = [name.lower() for name in _listed(rule.allowed_headers)]
        admitted = all(any(like(pattern, name.lower()) for pattern in headers) for name in wanted if name)
        if method in methods and admitted and any(like(pattern, origin) for pattern in origins):
            told = {"Origin": origin, "Methods": ", ".join(methods), "Headers": ", ".join(headers)}
            return [(f"Access-Control-Allow-{name}", value) for name, value in told.items()]
    return []


def preflight(request: Seen, start_response: Callable[..., Any]) -> Iterable[bytes]:
    headers = cors_headers(request, request.headers.get("access-control-request-method", ""))
    start_response("200 OK" if headers else "403 Forbidden", [*headers, ("Content-Length", "0")])
    return [b""]


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []
