"""A small Hugging Face hub on loopback: files of one commit, with the headers and redirects of the real one."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from recognition.hub import ModelRef

REPOSITORY = "someone/tiny-ONNX"
REVISION = "0123456789abcdef0123456789abcdef01234567"
MODEL = bytes(range(256)) * 4096
FILES: Mapping[str, bytes] = {
    "config.json": b'{"id2label": {"0": "circle"}}',
    "preprocessor_config.json": b'{"size": {"height": 160, "width": 160}}',
    "onnx/model.onnx": MODEL,
}


def tiny_model(sha256: str = hashlib.sha256(MODEL).hexdigest()) -> ModelRef:
    return ModelRef("tiny", REPOSITORY, REVISION, "onnx/model.onnx", sha256)


@dataclass(frozen=True)
class Asked:
    """A request for a file's bytes, and how many of them went out."""

    file: str
    range: str | None
    sent: int


@dataclass
class FakeHub:
    """What it serves, and how it misbehaves: see the fields. `asked` tells what went on."""

    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    # Ends the connection when so many bytes of an answer for the model have gone out; so many times.
    cut_after: int = 0
    cuts: int = 0
    # Stops sending at that point instead of ending the connection.
    stalls: bool = False
    silent: bool = False
    status: int = 0
    ranges: bool = True
    seconds_before_model: float = 0.0
    asked: list[Asked] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    address: str = ""

    def asked_for(self, file: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.file == file]


class _Server(ThreadingHTTPServer):
    def __init__(self, hub: FakeHub) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = hub
        hub.address = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        hub = self.server.hub
        if hub.silent:
            hub.stopping.wait()
            return
        if self.path.startswith("/cdn/"):
            self._send(self.path.removeprefix("/cdn/"))
            return
        file = self.path.removeprefix(f"/{REPOSITORY}/resolve/{REVISION}/")
        if hub.status or file not in hub.files:
            self._head(hub.status or 404, {"Content-Length": "0"})
        elif file.endswith(".onnx"):
            # Large files lie behind a redirect, as they do on the real hub.
            linked = {"X-Linked-Size": str(len(hub.files[file])), "X-Linked-Etag": _etag(hub.files[file])}
            self._head(302, {"Location": f"{hub.address}/cdn/{file}", "Content-Length": "0", **linked})
        else:
            self._send(file)

    def _send(self, file: str) -> None:
        hub = self.server.hub
        content, asked = hub.files[file], self.headers.get("Range")
        part = re.fullmatch(r"bytes=(\d+)-", asked or "") if hub.ranges else None
        start = int(part[1]) if part else 0
        if part and start >= len(content):
            hub.asked.append(Asked(file, asked, 0))
            self._head(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
            return
        rest = content[start:]
        headers = {"ETag": _etag(content), "Accept-Ranges": "bytes", "Content-Length": str(len(rest))}
        if part:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if file.endswith(".onnx"):
            time.sleep(hub.seconds_before_model)
        self._head(206 if part else 200, headers)
        self._body(file, asked, rest)

    def _body(self, file: str, asked: str | None, rest: bytes) -> None:
        hub = self.server.hub
        cut = file.endswith(".onnx") and hub.cuts > 0
        if cut:
            hub.cuts -= 1
            rest = rest[: hub.cut_after]
        hub.asked.append(Asked(file, asked, len(rest)))
        self.wfile.write(rest)
        self.wfile.flush()
        if cut and hub.stalls:
            hub.stopping.wait()
        self.close_connection = self.close_connection or cut

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"X-Repo-Commit": REVISION, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the standard library
        pass


@contextmanager
def fake_hub(hub: FakeHub | None = None) -> Iterator[FakeHub]:
    hub = hub or FakeHub()
    server = _Server(hub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        hub.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()}"'
