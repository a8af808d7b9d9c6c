"""What the `web` function adds to a request: event, apig-wsgi, Django and back.

Beside it, Django's WSGI call of the same page. Requests alternate; medians are printed.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.unpacked import ENVIRONMENT


class Context:
    """What Lambda tells a function of the call."""

    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "benchmark"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000, help="requests of each (default: %(default)s)")
    parser.add_argument("--page", default="/healthz", help="a page that needs no database (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        static = Path(data) / "static"
        static.mkdir()
        os.environ.update(ENVIRONMENT, IMAGESIFT_DATA=data, STATIC_ROOT=str(static), LOG_LEVEL="WARNING")
        print(json.dumps(measure(options.page, options.requests)))


def measure(page: str, requests: int) -> dict[str, Any]:
    from lambdas.web.handler import handle
    from portal.wsgi import application

    event, context = _event(page), Context()
    seconds: list[tuple[float, float]] = []
    for _ in range(requests + requests // 10):
        started = time.perf_counter()
        answer = handle(event, context)  # type: ignore[arg-type]
        between = time.perf_counter()
        status, body = _wsgi(application, page)
        seconds.append((between - started, time.perf_counter() - between))
        if answer["statusCode"] != 200 or not status.startswith("200") or answer["body"] != body.decode():
            raise SystemExit(f"{page} was answered with {answer['statusCode']} and {status}")
    handler, bare = (statistics.median(taken) for taken in zip(*seconds[requests // 10 :], strict=True))
    return {
        "page": page,
        "handler_ms": round(1000 * handler, 2),
        "wsgi_ms": round(1000 * bare, 2),
        "overhead_ms": round(1000 * (handler - bare), 2),
        "ratio": round(handler / bare, 2),
    }


def _wsgi(application: Any, page: str) -> tuple[str, bytes]:
    said: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": page,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_USER_AGENT": "benchmark",
        "REMOTE_ADDR": "192.0.2.1",
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
    }
    answered = application(environ, lambda status, _: said.append(status))
    body = b"".join(answered)
    answered.close()
    return said[0], body


def _event(page: str) -> dict[str, Any]:
    """As an HTTP API sends it, format 2.0."""
    http = {"method": "GET", "path": page, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "benchmark"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": page,
        "rawQueryString": "",
        "headers": {"host": "localhost", "x-forwarded-proto": "https", "user-agent": "benchmark"},
        "requestContext": {"http": http, "requestId": "none", "stage": "$default", "domainName": "localhost"},
        "isBase64Encoded": False,
    }


if __name__ == "__main__":
    main()
