"""Sending to real servers that are slow, fail, redirect and lie; and never to where nothing should go."""

from __future__ import annotations

import logging
import socket
import time
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.webhooks import receivers
from tests.webhooks.conftest import StartReceiver
from tests.webhooks.receivers import NAME, Behaviour, Torrent, answers
from webhooks.messages import Message
from webhooks.sending import Outcome, send
from webhooks.signing import new_secret

BODY = '{"type": "image.recognized", "filename": "Grüße.jpg"}'
# Long enough for a busy machine's handshake, and far below the servers' half minute.
SECONDS = 1.5


def message(url: str, secret: str | None = None, *, allow_private: bool = True) -> Message:
    return Message("0b5c", url, secret or new_secret(), BODY, allow_private)


def attempt(url: str, **options: Any) -> Outcome:
    return send(message(url, **options), seconds=SECONDS)


def test_a_message_arrives_signed(receiver: StartReceiver) -> None:
    server, secret = receiver(answers(204)), new_secret()
    outcome = send(message(server.url(path="/hook?a=b"), secret))
    assert (outcome.status_code, outcome.problem, outcome.succeeded) == (204, "", True)
    (request,) = server.requests
    assert request.line == "POST /hook?a=b HTTP/1.1"
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == "0b5c"
    Webhook(secret).verify(request.body, request.headers)


def test_the_beginning_of_the_answer_is_kept(receiver: StartReceiver) -> None:
    server = receiver(answers(200, b"\x00\x1b[31mtaken \xff" + b"z" * 3000))
    outcome = attempt(server.url())
    assert outcome.answer.startswith("[31mtaken")
    assert len(outcome.answer) == 500
    assert outcome.answer.isprintable()


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_a_status_that_is_no_success_is_a_failure(status: int, receiver: StartReceiver) -> None:
    outcome = attempt(receiver(answers(status, b"why")).url())
    assert (outcome.status_code, outcome.answer, outcome.succeeded) == (status, "why", False)
    assert str(status) in outcome.problem
    assert outcome.is_gone == (status == 410)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_that_nobody_follows(status: int, receiver: StartReceiver) -> None:
    elsewhere = receiver(answers(200), secure=False)
    for location in ("/hook", elsewhere.url()):
        server = receiver(answers(status, b"", f"Location: {location}"))
        outcome = attempt(server.url())
        assert outcome.status_code == status
        assert "redirects" in outcome.problem
        assert server.connections == 1
    assert elsewhere.connections == 0


@pytest.mark.parametrize(
    "behaviour",
    [receivers.says_nothing_at_all, receivers.is_slow, receivers.drips_headers],
    ids=lambda each: each.__name__,
)
def test_a_server_that_keeps_us_waiting_is_left_in_time(behaviour: Behaviour, receiver: StartReceiver) -> None:
    began = time.monotonic()
    outcome = attempt(receiver(behaviour).url())
    assert time.monotonic() - began < SECONDS + 1
    assert outcome.status_code is None
    assert "longer than" in outcome.problem
    assert outcome.duration_ms >= SECONDS * 1000 - 100


def test_a_server_that_drips_its_answer_has_answered_and_is_left_in_time(receiver: StartReceiver) -> None:
    began = time.monotonic()
    outcome = attempt(receiver(receivers.drips_its_body).url())
    assert time.monotonic() - began < SECONDS + 1
    assert (outcome.status_code, outcome.succeeded) == (200, True)
    assert outcome.answer.startswith("begun")


def test_a_resolver_that_never_answers_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: time.sleep(20) or [])
    began = time.monotonic()
    assert "longer than" in send(message("https://slow.example/"), seconds=0.3).problem
    assert time.monotonic() - began < 2


def test_an_answer_shorter_than_it_says_is_an_answer(receiver: StartReceiver) -> None:
    outcome = attempt(receiver(receivers.lies_about_its_length).url())
    assert (outcome.status_code, outcome.answer) == (200, "short")


@pytest.mark.parametrize(
    "behaviour", [receivers.closes_early, receivers.speaks_nonsense], ids=lambda each: each.__name__
)
def test_what_is_no_answer_is_a_failure(behaviour: Behaviour, receiver: StartReceiver) -> None:
    outcome = attempt(receiver(behaviour).url())
    assert outcome.status_code is None
    assert "without an answer" in outcome.problem


def test_of_a_gigabyte_a_few_kilobytes_are_read(receiver: StartReceiver) -> None:
    torrent = Torrent()
    outcome = attempt(receiver(torrent).url())
    assert (outcome.succeeded, outcome.answer) == (True, "y" * 500)
    # Buffers of the system's hold some as well.
    assert torrent.sent < 20_000_000


def test_a_closed_port_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "could not be reached" in attempt(f"https://127.0.0.1:{port}/").problem


def test_a_certificate_of_somebody_elses_is_refused(receiver: StartReceiver) -> None:
    server = receiver(answers(200), name="stranger.example")
    assert "certificate is not valid" in attempt(server.url()).problem
    assert not server.requests


def test_a_certificate_for_another_name_is_refused(receiver: StartReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    server = receiver(answers(200))
    resolves_to(monkeypatch, ("127.0.0.1", server.port))
    assert "certificate is not valid" in attempt(server.url("other.example")).problem
    assert not server.requests


def test_a_server_without_tls_is_a_failure(receiver: StartReceiver) -> None:
    assert "encrypted" in attempt(receiver(receivers.greets_in_the_clear).url()).problem


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1", "2130706433"])
def test_nothing_is_sent_to_this_machine(host: str, receiver: StartReceiver) -> None:
    server = receiver(answers(200))
    outcome = attempt(server.url(host), allow_private=False)
    assert "public internet" in outcome.problem
    assert server.connections == 0


def test_nothing_is_sent_where_a_name_leads_to_this_machine(
    receiver: StartReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = receiver(answers(200))
    resolves_to(monkeypatch, ("127.0.0.1", server.port))
    assert "public internet" in attempt(server.url(NAME), allow_private=False).problem
    assert server.connections == 0


def test_a_name_that_changes_its_mind_is_asked_once_and_what_was_checked_is_called(
    receiver: StartReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = receiver(answers(200))
    public = ("93.184.215.14", server.port)
    asked = resolves_to(monkeypatch, public, ("127.0.0.1", server.port))
    called: list[Any] = []

    def connect(_socket: socket.socket, address: Any) -> None:
        called.append(address)
        raise OSError("not in this test")

    monkeypatch.setattr(socket.socket, "connect", connect)
    outcome = attempt(server.url(NAME), allow_private=False)
    assert "could not be reached" in outcome.problem
    assert called == [public]
    assert len(asked) == 1
    assert server.connections == 0


def test_the_server_is_called_by_its_name_at_the_address_that_was_checked(
    receiver: StartReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, other = receiver(answers(200)), receiver(answers(200))
    asked = resolves_to(monkeypatch, ("127.0.0.1", server.port), ("127.0.0.1", other.port))
    assert attempt(server.url(NAME)).succeeded
    assert server.requests[0].headers["host"] == f"{NAME}:{server.port}"
    assert (len(asked), other.connections) == (1, 0)


def test_the_next_address_is_tried_where_the_first_takes_no_connection(
    receiver: StartReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = receiver(answers(200))
    found = [entry(("127.0.0.2", server.port)), entry(("127.0.0.1", server.port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)
    assert attempt(server.url(NAME)).succeeded


def test_neither_secret_nor_body_is_written_to_the_log(
    receiver: StartReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = new_secret()
    send(message(receiver(answers(500)).url(), secret), seconds=SECONDS)
    assert secret not in caplog.text
    assert "image.recognized" not in caplog.text


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> list[str]:
    """Answer look-ups with these addresses, one after another. Returns the names that are asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, *_args: Any, **_kwargs: Any) -> list[Any]:
        asked.append(host)
        return [entry(addresses[min(len(asked), len(addresses)) - 1])]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def entry(address: tuple[str, int]) -> Any:
    return (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)
