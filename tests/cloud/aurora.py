"""Aurora's door in front of the local PostgreSQL: signs in with IAM tokens, and can be asleep or gone.

A connection is let in when its token is signed by a role whose policy allows `rds-db:connect` and the database role
is a member of `rds_iam`. It then becomes a connection of that database role to the test's own database.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import sql

_SSL_REQUEST, _GSS_REQUEST = 80877103, 80877104
_REPORTED = (
    "server_version", "server_encoding", "client_encoding", "DateStyle", "IntervalStyle", "TimeZone",
    "integer_datetimes", "standard_conforming_strings",
)  # fmt: skip
_NO_SETTING = {"user", "database", "application_name", "replication", "options"}
SignIn = Callable[[str, str], str]


class Aurora:
    """Listens at `port`. `sign_in(token, user)` says what is wrong with a token ("" when nothing is)."""

    def __init__(self, connect: dict[str, Any], sign_in: SignIn) -> None:
        self._connect, self._sign_in = connect, sign_in
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.refusing = False
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def refuse(self) -> None:
        """Close every connection and let no new one in, as when the database is down."""
        self.refusing = True
        for client in list(self._open):
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def admit(self) -> None:
        self.refusing = False

    def close(self) -> None:
        self.refuse()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError, EOFError):
            if self.refusing:
                return
            self._open.add(client)
            try:
                self._session(client)
            finally:
                self._open.discard(client)

    def _session(self, client: socket.socket) -> None:
        asked = _startup(client)
        client.sendall(_message(b"R", struct.pack("!i", 3)))
        kind, password = _read_message(client)
        problem = self._sign_in(password.rstrip(b"\0").decode(), asked["user"]) if kind == b"p" else "no password"
        if problem:
            client.sendall(_failure("28000", f"PAM authentication failed for user {asked['user']}: {problem}"))
            return
        try:
            upstream = self._upstream(asked)
        except psycopg.Error as error:
            client.sendall(_failure("28000", str(error)))
            return
        with upstream:
            client.sendall(_greeting(upstream))
            server = socket.socket(fileno=os.dup(upstream.fileno()))
            with server:
                server.setblocking(True)
                threading.Thread(target=_pipe, args=(server, client), daemon=True).start()
                _pipe(client, server)

    def _upstream(self, asked: dict[str, str]) -> psycopg.Connection[Any]:
        connection = psycopg.connect(**self._connect, autocommit=True, sslmode="disable", gssencmode="disable")
        member = "SELECT pg_has_role(%s, 'rds_iam', 'member')"
        if connection.execute(member, [asked["user"]]).fetchone() != (True,):
            raise psycopg.OperationalError(f"{asked['user']} may not sign in with a token: it lacks rds_iam")
        for name, value in asked.items():
            if name not in _NO_SETTING:
                connection.execute(sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        connection.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(asked["user"])))
        return connection


def _startup(client: socket.socket) -> dict[str, str]:
    while True:
        (size,) = struct.unpack("!i", _exactly(client, 4))
        body = _exactly(client, size - 4)
        (code,) = struct.unpack("!i", body[:4])
        if code not in (_SSL_REQUEST, _GSS_REQUEST):
            parts = body[4:].rstrip(b"\0").decode().split("\0")
            return dict(zip(parts[::2], parts[1::2], strict=True))
        client.sendall(b"N")


def _greeting(upstream: psycopg.Connection[Any]) -> bytes:
    """What a server says after a good password: it was said to psycopg already."""
    settings = b""
    for name in _REPORTED:
        value = upstream.pgconn.parameter_status(name.encode()) or b""
        settings += _message(b"S", name.encode() + b"\0" + value + b"\0")
    key = _message(b"K", struct.pack("!ii", upstream.info.backend_pid, 0))
    return _message(b"R", struct.pack("!i", 0)) + settings + key + _message(b"Z", b"I")


def _failure(code: str, text: str) -> bytes:
    fields = b"SFATAL\0VFATAL\0C" + code.encode() + b"\0M" + text.encode() + b"\0\0"
    return _message(b"E", fields)


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _read_message(client: socket.socket) -> tuple[bytes, bytes]:
    kind = _exactly(client, 1)
    (size,) = struct.unpack("!i", _exactly(client, 4))
    return kind, _exactly(client, size - 4)


def _exactly(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = client.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def _pipe(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
