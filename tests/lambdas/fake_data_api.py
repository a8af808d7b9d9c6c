"""The RDS Data API on loopback, as botocore speaks it, before a database that knows roles and grants by their SQL."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FakeDataApi:
    """`statements` are those that were carried out; `resuming` is how many calls find the cluster still asleep."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[dict[str, Any]] = []
        self.statements: list[str] = []
        self.roles: set[str] = set()
        self.resuming = 0
        self.refusal: tuple[str, str] | None = None

    def execute(self, request: dict[str, Any]) -> tuple[int, str, dict[str, Any]]:
        """HTTP status, error code and body."""
        self.requests.append(request)
        if self.resuming:
            self.resuming -= 1
            return 400, "DatabaseResumingException", {"message": "The Aurora DB instance is resuming."}
        if self.refusal:
            return 400, self.refusal[0], {"message": self.refusal[1]}
        made = re.fullmatch(r'CREATE ROLE "((?:[^"]|"")+)" LOGIN', request["sql"])
        if made and made[1] in self.roles:
            message = f'ERROR: role "{made[1]}" already exists; SQLState: 42710'
            return 400, "DatabaseErrorException", {"message": message}
        if made:
            self.roles.add(made[1])
        self.statements.append(request["sql"])
        return 200, "", {"numberOfRecordsUpdated": 0, "generatedFields": []}


@contextmanager
def serve() -> Iterator[FakeDataApi]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/Execute"
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, code, document = fake.execute(request)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if code:
                self.send_header("x-amzn-ErrorType", code)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the tests' output is theirs."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake = FakeDataApi(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
