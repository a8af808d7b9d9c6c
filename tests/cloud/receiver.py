"""Somebody else's server out in the internet, which webhooks are delivered to: on loopback, with TLS.

The deployed functions know its name by NAMES (see instance.py), and its certificate by SSL_CERT_FILE.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from tests.cloud.http_api import certified

NAME: Final = "receiver.example.net"
ADDRESS: Final = "93.184.216.34"
"""Where the receiver is as far as its name tells: public, and never reached."""
INSIDE: Final = "inside.example.net"
"""A name of somebody who means ill: it leads to the machine that looks it up."""


@dataclass(frozen=True)
class Received:
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers 204, or with the first of `answers` as long as there are any."""

    folder: Path
    got: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.socket = certified(self.folder, NAME).wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def forget(self) -> None:
        self.got.clear()
        self.answers.clear()

    @property
    def url(self) -> str:
        return f"https://{NAME}/hook"

    @property
    def variables(self) -> dict[str, str]:
        """What makes a function find the receiver."""
        loopback = ["127.0.0.1", self._server.server_port]
        names = {NAME: {"address": ADDRESS, "really": loopback}, INSIDE: {"address": "127.0.0.1", "really": loopback}}
        return {"NAMES": json.dumps(names), "SSL_CERT_FILE": str(self.folder / "certificate.pem")}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.got.append(Received(headers, body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing: the tests' output is theirs."""

        return Handler
