"""One attempt at one message: to the very address that was checked, within ten seconds, whatever the server does."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from queue import Empty, SimpleQueue

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from webhooks.addresses import AddressRefused, SockAddr, Target, check_url, resolve_public
from webhooks.messages import Message
from webhooks.signing import sign

SECONDS = 10.0
_READ_BYTES = 4096
_KEPT_CHARACTERS = 500
_GONE = 410
_TIMED_OUT = f"The server took longer than {SECONDS:.0f} seconds."
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\ufffd]+")


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt: the status code of the answer, or None; a sentence on what failed, or nothing; and the
    first printable characters of the answer."""

    status_code: int | None
    problem: str
    duration_ms: int
    answer: str = ""

    @property
    def succeeded(self) -> bool:
        return not self.problem

    @property
    def is_gone(self) -> bool:
        """Whether the server said that it never wants to hear of this again."""
        return self.status_code == _GONE


class _TooLate(Exception):
    pass


def send(message: Message, *, seconds: float = SECONDS) -> Outcome:
    """Post a message to its address and say what came of it. Raises nothing that the address or its server can cause.

    The name is looked up once, every address must be public, and the connection goes to one of those. Redirects are
    not followed, proxies not asked. Neither the secret nor the body is written anywhere.
    """
    started = time.monotonic()
    status_code, answer = None, ""
    try:
        status_code, answer = _post(message, started + seconds)
        problem = _problem_with(status_code)
    except AddressRefused as error:
        problem = str(error)
    except (_TooLate, TimeoutError):
        problem = _TIMED_OUT
    except (socket.gaierror, UnicodeError):
        problem = "The name of the server could not be found."
    except ssl.SSLCertVerificationError as error:
        problem = f"The server's certificate is not valid: {error.verify_message}."
    except ssl.SSLError:
        problem = "No encrypted connection to the server could be made."
    except (OSError, HTTPError, HTTPException, ValueError):
        problem = "The server could not be reached, or ended the connection without an answer."
    return Outcome(status_code, problem, round((time.monotonic() - started) * 1000), answer)


def _problem_with(status_code: int) -> str:
    if 200 <= status_code < 300:
        return ""
    if 300 <= status_code < 400:
        return "The server redirects. Webhooks go to the address itself alone."
    return f"The server answered with status {status_code}."


def _post(message: Message, deadline: float) -> tuple[int, str]:
    target = check_url(message.url, allow_private=message.allow_private)
    addresses = _resolve(target, message.allow_private, deadline)
    body = message.body.encode()
    raw = _connect(addresses, deadline)
    with raw, _cut_at(deadline, raw) as is_cut:
        connection = _pinned(target, raw)
        try:
            connection.request("POST", target.path, body, _headers(message, body), preload_content=False)
            response = connection.getresponse()
            if is_cut.is_set():
                # Headers that were cut off look as if they had ended.
                raise _TooLate
            return response.status, _beginning(response)
        except Exception as error:
            if is_cut.is_set():
                raise _TooLate from error
            raise
        finally:
            connection.close()


def _headers(message: Message, body: bytes) -> dict[str, str]:
    timestamp = int(time.time())
    return {
        "Content-Type": "application/json",
        "User-Agent": "ImageSift-Webhooks/1",
        "Accept-Encoding": "identity",
        "Connection": "close",
        "webhook-id": message.delivery_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(message.secret, message.delivery_id, timestamp, body),
    }


def _resolve(target: Target, allow_private: bool, deadline: float) -> list[SockAddr]:
    """The system's resolver knows no time limit: it is left behind when it takes too long."""
    answers: SimpleQueue[list[SockAddr] | AddressRefused | OSError | ValueError] = SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(resolve_public(target.host, target.port, allow_private=allow_private))
        except (AddressRefused, OSError, ValueError) as error:
            answers.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        answer = answers.get(timeout=_left(deadline))
    except Empty:
        raise _TooLate from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _connect(addresses: list[SockAddr], deadline: float) -> socket.socket:
    """A connection to the first of these addresses that takes one; each has its share of the time."""
    for place, address in enumerate(addresses, start=1):
        raw = socket.socket(socket.AF_INET6 if len(address) == 4 else socket.AF_INET, socket.SOCK_STREAM)
        raw.settimeout(_left(deadline) / (len(addresses) + 1 - place))
        try:
            raw.connect(address)
        except OSError:
            raw.close()
            if place == len(addresses):
                raise
        else:
            raw.settimeout(_left(deadline))
            return raw
    raise OSError("there is no address")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise _TooLate
    return left


@contextmanager
def _cut_at(deadline: float, raw: socket.socket) -> Iterator[threading.Event]:
    """Cut the connection at the deadline. A socket's own time limit begins anew with every byte that comes."""
    is_cut = threading.Event()
    # TLS takes the socket over; the copy stays ours.
    with raw.dup() as copy:
        watchdog = threading.Timer(_left(deadline), partial(_cut, copy, is_cut))
        watchdog.daemon = True
        watchdog.start()
        try:
            yield is_cut
        finally:
            watchdog.cancel()
            watchdog.join()


def _cut(copy: socket.socket, is_cut: threading.Event) -> None:
    is_cut.set()
    try:
        copy.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The server was faster.
        return


def _pinned(target: Target, raw: socket.socket) -> HTTPConnection:
    """A connection that calls the server by its name, to the Host header and the certificate, over this very socket."""
    limit = raw.gettimeout()
    if target.scheme == "http":
        return _PinnedHTTP(raw, target, limit)
    return _PinnedHTTPS(raw, target, limit)


class _PinnedHTTP(HTTPConnection):
    def __init__(self, raw: socket.socket, target: Target, limit: float | None) -> None:
        super().__init__(target.host, target.port, timeout=limit)
        self._raw = raw

    def _new_conn(self) -> socket.socket:
        return self._raw


class _PinnedHTTPS(HTTPSConnection):
    def __init__(self, raw: socket.socket, target: Target, limit: float | None) -> None:
        super().__init__(target.host, target.port, timeout=limit, ssl_context=_trust())
        self._raw = raw

    def _new_conn(self) -> socket.socket:
        return self._raw


def _trust() -> ssl.SSLContext:
    """The system's authorities, and certifi's where it is installed: some images bring none of their own."""
    context = ssl.create_default_context()
    try:
        import certifi
    except ImportError:
        return context
    context.load_verify_locations(certifi.where())
    return context


def _beginning(response: HTTPResponse) -> str:
    """The first printable characters of the answer. Its status has decided already: nothing here is a failure."""
    read = b""
    try:
        while len(read) < _READ_BYTES and (part := response.read1(_READ_BYTES - len(read), decode_content=False)):
            read += part
    except (OSError, HTTPError, HTTPException, ValueError):
        # Cut off, by the server or by us: what has come is worth showing.
        pass
    text = _UNPRINTABLE.sub(" ", read.decode(errors="replace"))
    return text.strip()[:_KEPT_CHARACTERS]
