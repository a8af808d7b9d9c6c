"""Mail from the outbox, through moto's SES, which knows who is allowed to send."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from moto.ses.models import RawMessage, ses_backends

from lambdas.mail import handler as mail
from tests.lambdas.world import DERIVED, REGION, World

SENDER, RECIPIENT = "portal@imagesift.example", "ann@people.example"


@pytest.fixture
def outbox(world: World) -> Iterator[str]:
    """The queue that S3 tells of new mail, with a sender that SES knows."""
    mail._sending.cache_clear()
    queue = world.make_queue("mail")
    world.notify(DERIVED, "outbox/mail/", queue)
    world.clients.sesv2.create_email_identity(EmailIdentity=SENDER)
    yield queue
    mail._sending.cache_clear()


def post(world: World, key: str = "outbox/mail/1.json", sender: str = SENDER, **changes: Any) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, RECIPIENT, "Confirm your address"
    message.set_content("Follow this secret link.")
    raw = base64.b64encode(message.as_bytes()).decode()
    document = {"schema": "imagesift.mail/1", "from": sender, "to": [RECIPIENT], "raw_base64": raw}
    world.write(key, document | changes)


def sent() -> list[RawMessage]:
    """What moto's SES took: its server runs in this process."""
    return list(ses_backends["123456789012"][REGION].sent_messages)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    written = io.StringIO()
    monkeypatch.setattr(mail.logger.registered_handler, "stream", written)
    return written


def test_mail_is_sent_as_it_was_written_and_taken_out_of_the_outbox(world: World, outbox: str) -> None:
    post(world)

    world.drain(mail.handle, outbox)

    (message,) = sent()
    assert message.source == SENDER
    assert RECIPIENT in message.destinations
    assert "Follow this secret link." in message.raw_data
    assert world.keys("outbox/") == []


def test_mail_whose_event_comes_again_is_sent_once(world: World, outbox: str) -> None:
    post(world)
    world.repeat(outbox, 3)

    world.drain(mail.handle, outbox)

    assert len(sent()) == 1


def test_mail_that_ses_refuses_stays_and_says_why_without_naming_anybody(
    world: World, outbox: str, log: io.StringIO
) -> None:
    post(world, sender="stranger@elsewhere.example")

    assert len(world.deliver(mail.handle, outbox)) == 1

    assert world.keys("outbox/") == ["outbox/mail/1.json"]
    (line,) = [json.loads(line) for line in log.getvalue().splitlines()]
    assert "refuses this message for good: MessageRejected" in line["message"]
    assert line["mail"] == "outbox/mail/1.json"
    assert not [word for word in ("stranger", "ann@", "secret", "Traceback") if word in log.getvalue()]


def test_a_refused_message_keeps_no_other_from_being_sent(world: World, outbox: str) -> None:
    post(world, "outbox/mail/bad.json", sender="stranger@elsewhere.example")
    post(world, "outbox/mail/good.json")

    world.deliver(mail.handle, outbox)

    assert len(sent()) == 1
    assert world.keys("outbox/") == ["outbox/mail/bad.json"]


@pytest.mark.parametrize(
    "changes",
    [{"schema": "imagesift.mail/2"}, {"raw_base64": "§"}, {"raw_base64": None}, {"to": None}, {"from": None, "to": 3}],
)
def test_mail_nobody_can_read_stays_unsent_and_unquoted(
    world: World, outbox: str, log: io.StringIO, changes: dict[str, Any]
) -> None:
    post(world, **changes)

    assert len(world.deliver(mail.handle, outbox)) == 1

    assert sent() == []
    assert "the outbox holds a message" in log.getvalue()
    assert "ann@" not in log.getvalue()


def test_mail_is_not_lost_while_ses_is_away(
    world: World, outbox: str, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(world)
    with monkeypatch.context() as away:
        away.setattr("lambdas.clients._ATTEMPTS", 1)
        away.setenv("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:9")
        mail._sending.cache_clear()
        assert len(world.deliver(mail.handle, outbox)) == 1
    mail._sending.cache_clear()

    world.drain(mail.handle, outbox)

    assert len(sent()) == 1
    assert "ann@" not in log.getvalue()


def test_other_objects_are_passed_over(world: World) -> None:
    queue = world.make_queue("elsewhere")
    world.notify(DERIVED, "settings/", queue)
    world.write("settings/budgets.json", {})

    world.drain(mail.handle, queue)

    assert world.keys("settings/") == ["settings/budgets.json"]
    assert sent() == []
