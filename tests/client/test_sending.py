"""How a file goes out: in small pieces, to nowhere that is less safe than the portal, and no further than it should."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import httpx2
import pytest

from imagesift.account import Account
from imagesift.errors import Refused, Stopped, Unreachable
from imagesift.patience import Patience, asked_to_wait
from imagesift.photos import Photo, look_at
from imagesift.problems import problem_of
from imagesift.sending import Form, Sender
from tests.client.fake_portal import TOKEN, FakePortal, Trouble


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    path = tmp_path / "large.jpg"
    path.write_bytes(bytes(range(256)) * 20_000)
    return look_at(path, Event())


@pytest.fixture
def form(portal: FakePortal, photo: Photo) -> Form:
    portal.most_bytes = photo.size
    form = Form.of(portal.start(photo.announcement(), "key", 0))
    assert form is not None
    return form


@pytest.fixture
def stop() -> Event:
    return Event()


@pytest.fixture
def sender(portal: FakePortal, stop: Event) -> Iterator[Sender]:
    with Sender(Account(portal.url, TOKEN), Patience(3, stop)) as sender:
        yield sender


def test_a_file_goes_in_small_pieces(portal: FakePortal, sender: Sender, photo: Photo, form: Form) -> None:
    pieces: list[int] = []
    sender.send(photo, form, pieces.append)
    assert max(pieces) <= 64 * 1024
    assert sum(pieces) == photo.size
    assert portal.stored == [photo.path.read_bytes()]


def test_bytes_that_must_go_again_count_once(portal: FakePortal, sender: Sender, photo: Photo, form: Form) -> None:
    portal.trouble["upload"].append(Trouble(status=500))
    pieces: list[int] = []
    sender.send(photo, form, pieces.append)
    assert min(pieces) < 0
    assert sum(pieces) == photo.size


def test_once_stopped_nothing_more_goes_out(
    portal: FakePortal, sender: Sender, photo: Photo, form: Form, stop: Event
) -> None:
    gone: list[int] = []

    def stop_in_the_middle(byte_count: int) -> None:
        gone.append(byte_count)
        if sum(gone) > photo.size / 2:
            stop.set()

    with pytest.raises(Stopped):
        sender.send(photo, form, stop_in_the_middle)
    assert portal.stored == []


def test_a_portal_with_tls_cannot_send_files_where_there_is_none(photo: Photo, form: Form) -> None:
    with (
        Sender(Account("https://photos.example", TOKEN), Patience()) as sender,
        pytest.raises(Unreachable, match="not encrypted: refused"),
    ):
        sender.send(photo, form, lambda _: None)


def test_a_server_that_asks_for_an_hour_is_not_waited_for(
    portal: FakePortal, sender: Sender, photo: Photo, form: Form
) -> None:
    portal.trouble["upload"].append(Trouble(status=503, headers={"Retry-After": "3600"}))
    with pytest.raises(Unreachable):
        sender.send(photo, form, lambda _: None)
    assert portal.seen["upload"] == 1


def test_an_allowance_that_is_used_up_is_not_asked_for_again(
    portal: FakePortal, sender: Sender, photo: Photo, form: Form
) -> None:
    portal.trouble["upload"].append(Trouble(status=429, code="bytes_per_user"))
    with pytest.raises(Refused):
        sender.send(photo, form, lambda _: None)
    assert portal.seen["upload"] == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), (None, 0.0), ("soon", 0.0), ("-1", 0.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0)],
)
def test_what_a_server_asks_to_wait(header: str | None, seconds: float) -> None:
    assert asked_to_wait(header) == seconds


@pytest.mark.parametrize(
    ("media", "body", "code", "sentence"),
    [
        ("application/problem+json", '{"detail": "No.", "code": "c", "errors": []}', "c", "No."),
        (
            "application/problem+json",
            '{"detail": "Not understood.", "code": "c", "errors": [{"field": "since", "message": "No date."}]}',
            "c",
            "Not understood. since: No date.",
        ),
        (
            "application/json",
            '{"error": {"code": "form_expired", "message": "Too late."}}',
            "form_expired",
            "Too late.",
        ),
        (
            "application/xml",
            "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Policy expired &amp; gone</Message></Error>",
            "AccessDenied",
            "Policy expired & gone",
        ),
        ("text/html", "<h1>Bad gateway</h1>", "", "The server answered with status 502."),
        ("application/json", "[", "", "The server answered with status 502."),
    ],
)
def test_every_kind_of_refusal_is_understood(media: str, body: str, code: str, sentence: str) -> None:
    response = httpx2.Response(502, headers={"Content-Type": media}, text=body)
    problem = problem_of(response)
    assert (problem.code, problem.sentence) == (code, sentence)
