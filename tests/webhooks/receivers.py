"""Real servers on this machine that take webhooks, well or badly, over TLS with an authority of the test's own."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAME = "receiver.example"

Behaviour = Callable[[socket.socket], None]


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes


def certify(folder: Path, name: str = NAME) -> tuple[Path, Path]:
    """A certificate for `name` and 127.0.0.1 that vouches for itself, and its key: paths of PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


@dataclass
class Receiver:
    """Answers each connection by the next behaviour, and by the last one for ever after."""

    behaviours: list[Behaviour]
    context: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, host: str = "127.0.0.1", path: str = "/hook") -> str:
        return f"{'https' if self.context else 'http'}://{host}:{self.port}{path}"

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            behaviour = self.behaviours[min(self.connections, len(self.behaviours) - 1)]
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection, behaviour), daemon=True).start()

    def _serve(self, connection: socket.socket, behaviour: Behaviour) -> None:
        with suppress(OSError), connection:
            if behaviour in (says_nothing_at_all, greets_in_the_clear):
                behaviour(connection)
                return
            secured = self.context.wrap_socket(connection, server_side=True) if self.context else connection
            with secured:
                self.requests.append(_read(secured))
                behaviour(secured)


def _read(connection: socket.socket) -> Request:
    with connection.makefile("rb") as lines:
        line = lines.readline().decode("latin-1").strip()
        headers: dict[str, str] = {}
        while header := lines.readline().decode("latin-1").strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        return Request(line, headers, lines.read(int(headers.get("content-length", 0))))


def answers(status: int, body: bytes = b"", *headers: str) -> Behaviour:
    def answer(connection: socket.socket) -> None:
        lines = [f"HTTP/1.1 {status} Something", f"Content-Length: {len(body)}", *headers]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return answer


def says_nothing_at_all(_connection: socket.socket) -> None:
    """Not even hello: what a connection to it waits for is the handshake."""
    time.sleep(30)


def greets_in_the_clear(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.example ready\r\n")
    time.sleep(30)


def is_slow(connection: socket.socket) -> None:
    time.sleep(30)


def drips_headers(connection: socket.socket) -> None:
    _drip(connection, b"HTTP/1.1 200 OK\r\nX-Long: ")


def drips_its_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun")
    _drip(connection, b"")


def _drip(connection: socket.socket, beginning: bytes) -> None:
    connection.sendall(beginning)
    for _ in range(300):
        connection.sendall(b"x")
        time.sleep(0.1)


def lies_about_its_length(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")


def closes_early(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 20")


def speaks_nonsense(connection: socket.socket) -> None:
    connection.sendall(b"\x00\xff\xfe nonsense\r\n\r\n")


@dataclass
class Torrent:
    """Answers with a gigabyte, and counts what anybody took of it."""

    sent: int = 0

    def __call__(self, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        block = b"y" * 65536
        while self.sent < 1_000_000_000:
            connection.sendall(block)
            self.sent += len(block)
