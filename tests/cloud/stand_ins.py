"""One loopback server in the test's process for the services that the gateway hands over, already authorised."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Call:
    """A request of `role` ("" for the administrator); header names are in lower case."""

    role: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Any, status: int = 200, **headers: str) -> Answer:
        return cls(status, json.dumps(document).encode(), {"Content-Type": "application/x-amz-json-1.1", **headers})

    @classmethod
    def error(cls, code: str, message: str, status: int = 400) -> Answer:
        return cls.of({"__type": code, "message": message}, status, **{"x-amzn-ErrorType": code})


StandIn = Callable[[Call], Answer]


@contextmanager
def serving(services: Mapping[str, StandIn]) -> Iterator[str]:
    """Serve the stand-ins, by the service's name, at the address given."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = services[headers["x-service"]](Call(headers["x-role"], self.path, headers, body))
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the tests' output is theirs."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
