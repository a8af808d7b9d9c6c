"""The HTTP API on loopback, with TLS: routes requests to functions as API Gateway does (payload format 2.0)."""

from __future__ import annotations

import base64
import datetime
import json
import ssl
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cloud.aws import Aws
from tests.cloud.functions import Functions, Refusal

_LARGEST_REQUEST = 10_000_000
_LARGEST_ANSWER = 6 * 1024 * 1024
_AS_TEXT = ("text/", "application/json", "application/javascript", "application/xml")


class HttpApi:
    """Serves the one API of the account at `port`; people find it at `host`."""

    def __init__(self, aws: Aws, functions: Functions, folder: Path) -> None:
        self._aws, self._functions = aws, functions
        client = aws.client("apigatewayv2")
        (api,) = client.get_apis()["Items"]
        self._id = api["ApiId"]
        self.host: str = urlsplit(api["ApiEndpoint"]).hostname or ""
        integrations = {
            f"integrations/{entry['IntegrationId']}": entry["IntegrationUri"]
            for entry in client.get_integrations(ApiId=self._id)["Items"]
        }
        self._routes = {
            route["RouteKey"]: integrations[route["Target"]] for route in client.get_routes(ApiId=self._id)["Items"]
        }
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.socket = certified(folder, self.host).wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, event: dict[str, Any], function: str) -> tuple[int, list[tuple[str, str]], bytes]:
        """What the function makes of the event: status, headers, body."""
        source = f"arn:aws:execute-api:{self._aws.region}:{self._aws.account}:{self._id}/$default/any"
        try:
            self._functions.admits(function, "apigateway.amazonaws.com", source)
        except Refusal:
            return _plain(500, "Internal Server Error")
        invoked = self._functions.invoke(function, event)
        if invoked.failed or len(json.dumps(invoked.payload)) > _LARGEST_ANSWER:
            return _plain(500, "Internal Server Error")
        answer = invoked.payload
        body = answer.get("body") or ""
        content = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
        headers = [(name, str(value)) for name, value in answer.get("headers", {}).items()]
        headers += [("set-cookie", cookie) for cookie in answer.get("cookies", [])]
        return answer["statusCode"], headers, content

    def _route(self, method: str, path: str) -> tuple[str, str]:
        """The key of the route, and the function that it leads to; the longest prefix wins."""
        keys = sorted((key for key in self._routes if key != "$default"), key=len, reverse=True)
        for key in keys:
            verb, _, pattern = key.partition(" ")
            if verb in ("ANY", method) and path.startswith(pattern.removesuffix("{proxy+}")):
                return key, _function(self._routes[key])
        return "$default", _function(self._routes["$default"])

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if len(body) > _LARGEST_REQUEST:
                    status, headers, content = _plain(413, "Request Entity Too Large")
                else:
                    parts = urlsplit(self.path)
                    key, function = api._route(self.command, parts.path)
                    event = api._event(self.command, self.path, key, self.headers, body)
                    status, headers, content = api.answer(event, function)
                self.send_response(status)
                for name, value in headers:
                    if name.lower() != "content-length":
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing: the tests' output is theirs."""

        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            setattr(Handler, f"do_{method}", Handler.handle_any)
        return Handler

    def _event(self, method: str, target: str, key: str, headers: Any, body: bytes) -> dict[str, Any]:
        parts = urlsplit(target)
        sent = {name.lower(): ",".join(headers.get_all(name)) for name in headers}
        cookies = [cookie.strip() for cookie in sent.pop("cookie", "").split(";") if cookie.strip()]
        sent |= {"host": self.host, "x-forwarded-for": "203.0.113.7", "x-forwarded-port": "443"}
        sent |= {"x-forwarded-proto": "https", "x-amzn-trace-id": f"Root=1-{uuid4().hex[:8]}-{uuid4().hex[:24]}"}
        now = datetime.datetime.now(datetime.UTC)
        http = {"method": method, "path": parts.path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7"}
        event = {
            "version": "2.0",
            "routeKey": key,
            "rawPath": parts.path,
            "rawQueryString": parts.query,
            "headers": sent,
            "requestContext": {
                "accountId": self._aws.account,
                "apiId": self._id,
                "domainName": self.host,
                "domainPrefix": self._id,
                "http": {**http, "userAgent": sent.get("user-agent", "")},
                "requestId": uuid4().hex[:16],
                "routeKey": key,
                "stage": "$default",
                "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
                "timeEpoch": int(time.time() * 1000),
            },
            **({"cookies": cookies} if cookies else {}),
        }
        return {**event, **_body(sent, body)}


def _body(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    if not body:
        return {"isBase64Encoded": False}
    if headers.get("content-type", "").startswith(_AS_TEXT):
        return {"body": body.decode(), "isBase64Encoded": False}
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def _plain(status: int, message: str) -> tuple[int, list[tuple[str, str]], bytes]:
    return status, [("Content-Type", "application/json")], json.dumps({"message": message}).encode()


def _function(integration_uri: str) -> str:
    """`arn:aws:apigateway:…:lambda:path/…/functions/arn:aws:lambda:…:function:NAME/invocations` → NAME."""
    return integration_uri.removesuffix("/invocations").rpartition(":")[2]


def certified(folder: Path, host: str) -> ssl.SSLContext:
    """TLS with a certificate that we sign ourselves, for today: `certificate.pem` in the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, unlocked = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, unlocked))
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(encoding))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context
