"""A SageMaker endpoint on loopback: InvokeEndpoint as botocore speaks it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWER: dict[str, Any] = {
    "version": "birds-7",
    "labels": [
        {
            "name": "blue tit",
            "confidence": 91.5,
            "instances": [
                {"confidence": 91.5, "box": {"left": 0.25, "top": 0.5, "width": 0.25, "height": 0.125}},
                {"confidence": 40.0, "box": {"left": 0.0, "top": 0.0, "width": 1.0, "height": 1.0}},
            ],
        },
        {"name": "dog", "confidence": 30, "instances": []},
    ],
}


@dataclass
class FakeEndpoint:
    """Answers with `answer` (bytes go out as they are) unless `failure` (status, code, model's status) is set."""

    url: str
    answer: Any = field(default_factory=lambda: ANSWER)
    failure: tuple[int, str, int | None] | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)

    def respond(self) -> tuple[int, str, bytes]:
        if self.failure is None:
            body = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
            return 200, "", body
        status, code, model_status = self.failure
        document = {"Message": "no", "OriginalStatusCode": model_status, "OriginalMessage": "no"}
        return status, code, json.dumps(document).encode()


@contextmanager
def serve() -> Iterator[FakeEndpoint]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kinds = {name: self.headers[name] for name in ("Content-Type", "Accept")}
            fake.requests.append({"path": self.path, "body": body, **kinds})
            status, code, answer = fake.respond()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.send_header("x-amzn-RequestId", f"request-{len(fake.requests)}")
            if code:
                self.send_header("x-amzn-ErrorType", code)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing: the tests' output is theirs."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake = FakeEndpoint(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
