"""A refusal in the words of the protocol that the caller speaks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any
from xml.sax.saxutils import escape

from tests.cloud.cors import cors_headers
from tests.cloud.requests_seen import Seen
from tests.cloud.signatures import Refused


def refusal(request: Seen, problem: Refused, start_response: Callable[..., Any]) -> Iterable[bytes]:
    body, content_type, code = _written(request, problem)
    headers = [("Content-Type", content_type), ("Content-Length", str(len(body))), ("x-amzn-ErrorType", code)]
    headers += cors_headers(request, request.method) if request.service == "s3" else []
    start_response(f"{problem.status} Refused", headers)
    return [b"" if request.method == "HEAD" else body]


def _written(request: Seen, problem: Refused) -> tuple[bytes, str, str]:
    message = escape(problem.message)
    if request.service in ("s3", ""):
        document = f"<?xml version='1.0'?><Error><Code>{problem.code}</Code><Message>{message}</Message></Error>"
        return document.encode(), "application/xml", problem.code
    if request.service == "ec2":
        error = f"<Error><Code>UnauthorizedOperation</Code><Message>{message}</Message></Error>"
        return f"<Response><Errors>{error}</Errors></Response>".encode(), "text/xml", "UnauthorizedOperation"
    code = "AccessDeniedException" if problem.code == "AccessDenied" else problem.code
    document = json.dumps({"__type": code, "message": problem.message, "Message": problem.message})
    return document.encode(), "application/x-amz-json-1.1", code
