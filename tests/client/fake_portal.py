"""A small real HTTP server that speaks the public API as a client sees it, and gets into trouble when told to."""

from __future__ import annotations

import email.parser
import email.policy
import hashlib
import json
import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "isft_" + "t" * 43
Document = dict[str, Any]


@dataclass
class Trouble:
    """What happens to one request instead of an answer: a refusal, a hang-up, or a wait after which all goes on."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    code: str = "internal_error"
    cut: bool = False
    cut_after: bool = False
    seconds: float = 0.0


@dataclass
class Stored:
    id: str
    announced: Document
    content: bytes | None = None
    failure: str = ""
    labels: list[Document] = field(default_factory=list)
    forms: int = 1


class FakePortal:
    """`trouble["batch"]` and so on wait for the next requests of that kind; `seen` counts all of them."""

    def __init__(self) -> None:
        self.images: dict[str, Stored] = {}
        self.kept: dict[tuple[str, int], str] = {}
        self.keys: list[str] = []
        self.trouble: defaultdict[str, deque[Trouble]] = defaultdict(deque)
        self.seen: defaultdict[str, int] = defaultdict(int)
        self.images_left = 1_000_000
        self.most_bytes = 1_000_000
        self.expired_forms = 0
        self.upload_url = ""
        self.upload_headers: list[dict[str, str]] = []
        self.queries: list[list[tuple[str, str]]] = []
        self.redirect_originals_to = ""
        self.no_portal = False
        self.signed_authorization: list[str | None] = []
        self.url = ""
        self.lock = threading.Lock()

    @property
    def stored(self) -> list[bytes]:
        return [image.content for image in self.images.values() if image.content is not None]

    def start(self, file: Document, key: str, position: int) -> Document:
        known = next((i for i in self.images.values() if i.content and i.announced["sha256"] == file["sha256"]), None)
        kept = self.images.get(self.kept.get((key, position), ""))
        if kept is not None:
            return self.awaited(kept)
        if known is not None:
            return {**self.document(known), "duplicate": True}
        if file["size"] > self.most_bytes:
            return refusal(413, "file_too_large", "This file is too large.")
        if self.images_left < 1:
            return refusal(429, "images_per_day", "You have used your daily allowance.")
        self.images_left -= 1
        image = Stored(str(uuid.uuid4()), file)
        self.images[image.id] = image
        self.kept[key, position] = image.id
        return self.awaited(image)

    def awaited(self, image: Stored) -> Document:
        if image.content is not None:
            return {"id": image.id, "status": "queued", "upload": None}
        url = self.upload_url or f"{self.url}/files/"
        fields = {"key": f"uploads/{image.id}", "policy": f"{image.id}.{image.forms}"}
        upload = {"url": url, "fields": fields, "file_field": "file", "expires_at": "2030-01-01T00:00:00Z"}
        return {"id": image.id, "status": "awaiting_upload", "upload": upload}

    def receive(self, fields: dict[str, bytes]) -> tuple[int, Document]:
        image_id, _, form = fields["policy"].decode().partition(".")
        image = self.images.get(image_id)
        if image is None:
            return 404, {"error": {"code": "image_gone", "message": "This image was deleted before its file arrived."}}
        if int(form) <= self.expired_forms:
            return 403, {"error": {"code": "form_expired", "message": "This upload took too long to begin."}}
        if hashlib.sha256(fields["file"]).hexdigest() != image.announced["sha256"]:
            return 400, {"error": {"code": "content_changed", "message": "The file changed on its way to us."}}
        image.content = fields["file"]
        return 201, {"id": image.id, "status": "queued", "duplicate": False}

    def document(self, image: Stored) -> Document:
        failure = {"code": "unsupported_format", "message": image.failure} if image.failure else None
        return {
            "id": image.id,
            "filename": image.announced["filename"],
            "status": "failed" if image.failure else "recognized",
            "failure": failure,
            "width": 640,
            "height": 480,
            "created_at": "2026-11-22T08:00:00Z",
            "recognized_at": None if image.failure else "2026-11-22T08:00:01Z",
            "duplicate": False,
            "urls": {"original": f"{self.url}/api/v1/images/{image.id}/original"},
            "labels": image.labels,
        }


def refusal(status: int, code: str, detail: str) -> Document:
    return {"type": f"problems#{code}", "title": code, "status": status, "detail": detail, "code": code, "errors": []}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    portal: FakePortal
    _body = b""

    def log_message(self, *_arguments: Any) -> None:
        """Silence."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = urlsplit(self.path).path
        kind = self._kind(path)
        portal = self.portal
        with portal.lock:
            portal.seen[kind] += 1
            trouble = portal.trouble[kind].popleft() if portal.trouble[kind] else Trouble()
        time.sleep(trouble.seconds)
        if trouble.cut:
            self.rfile.read1(1000)
            self._hang_up()
            return
        self._body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if trouble.status:
            self._send(trouble.status, refusal(trouble.status, trouble.code, "There is trouble."), trouble.headers)
            return
        if not path.startswith("/files/") and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._send(401, refusal(401, "token_revoked", "This token was revoked."))
            return
        with portal.lock:
            status, document, headers = getattr(self, f"_{kind}")()
        if trouble.cut_after:
            self._hang_up()
            return
        self._send(status, document, headers)

    def _kind(self, path: str) -> str:
        parts = path.removeprefix("/api/v1/").split("/")
        if path == "/files/":
            return "upload"
        if path == "/files/signed":
            return "signed"
        if parts[0] == "me":
            return "me"
        if len(parts) == 1:
            return "list" if self.command == "GET" else "single"
        if parts[1] == "batch":
            return "batch"
        if len(parts) == 3:
            return "renew" if parts[2] == "upload-form" else "original"
        return "image" if self.command == "GET" else "delete"

    def _me(self) -> tuple[int, Any, Document]:
        if self.portal.no_portal:
            return 200, {"hello": "world"}, {}
        token = {"name": "laptop", "scopes": ["images:read", "images:write"], "expires_at": None}
        return 200, {"username": "owner", "email": "", "is_staff": False, "token": token}, {}

    def _batch(self) -> tuple[int, Any, Document]:
        key = self.headers["Idempotency-Key"]
        self.portal.keys.append(key)
        files = json.loads(self._body)["images"]
        assert len(files) <= 100
        answers = [self.portal.start(file, key, position) for position, file in enumerate(files)]
        return 200, {"results": [_entry(answer) for answer in answers]}, {}

    def _single(self) -> tuple[int, Any, Document]:
        return 201, self.portal.start(json.loads(self._body), self.headers["Idempotency-Key"], 0), {}

    def _upload(self) -> tuple[int, Any, Document]:
        self.portal.upload_headers.append(dict(self.headers.items()))
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self._body)
        parts = {part.get_param("name", header="Content-Disposition"): part for part in form.iter_parts()}
        assert list(parts)[-1] == "file", "the file must be the last field"
        status, document = self.portal.receive({name: part.get_payload(decode=True) for name, part in parts.items()})
        return status, document, {}

    def _renew(self) -> tuple[int, Any, Document]:
        image = self.portal.images[urlsplit(self.path).path.split("/")[-2]]
        image.forms += 1
        return 200, self.portal.awaited(image), {}

    def _list(self) -> tuple[int, Any, Document]:
        query = parse_qsl(urlsplit(self.path).query)
        self.portal.queries.append(query)
        start, limit = int(dict(query).get("cursor", 0)), int(dict(query)["limit"])
        images = [self._summary(image) for image in self.portal.images.values()]
        following = str(start + limit) if start + limit < len(images) else None
        return 200, {"results": images[start : start + limit], "next": following}, {}

    def _summary(self, image: Stored) -> Document:
        document = self.portal.document(image)
        return {**document, "labels": [label for label in image.labels if label["state"] != "rejected"]}

    def _image(self) -> tuple[int, Any, Document]:
        image = self.portal.images.get(urlsplit(self.path).path.split("/")[-1])
        if image is None:
            return 404, refusal(404, "not_found", "There is nothing at this address, or it is not yours."), {}
        text = [{"text": "STOP", "kind": kind, "confidence": 99.0} for kind in ("line", "word")]
        return 200, {**self.portal.document(image), "text": text, "moderation_labels": []}, {}

    def _delete(self) -> tuple[int, Any, Document]:
        if self.portal.images.pop(urlsplit(self.path).path.split("/")[-1], None) is None:
            return 404, refusal(404, "not_found", "There is nothing at this address, or it is not yours."), {}
        return 204, None, {}

    def _original(self) -> tuple[int, Any, Document]:
        if self.portal.redirect_originals_to:
            return 302, None, {"Location": self.portal.redirect_originals_to}
        return 200, self.portal.images[urlsplit(self.path).path.split("/")[-2]].content, {}

    def _signed(self) -> tuple[int, Any, Document]:
        self.portal.signed_authorization.append(self.headers.get("Authorization"))
        return 200, b"signed", {}

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _send(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        content = (
            document if isinstance(document, bytes) else b"" if document is None else json.dumps(document).encode()
        )
        media = "application/json" if status < 400 else "application/problem+json"
        self.send_response(status)
        for name, value in {"Content-Type": media, "Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _entry(answer: Document) -> Document:
    if "code" in answer:
        return {"status_code": answer["status"], "problem": answer}
    return {"status_code": 201 if "upload" in answer else 200, **answer}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silence: clients hang up, too."""


@contextmanager
def running() -> Iterator[FakePortal]:
    """A portal that serves until it is left."""
    portal = FakePortal()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"portal": portal}))
    portal.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield portal
    server.shutdown()
    server.server_close()
