"""Mail that goes out as an object of the derived storage."""

from __future__ import annotations

import base64
import json
from email import message_from_bytes, policy
from typing import Any

import pytest
from django.core.files.storage import storages
from django.core.mail import EmailMultiAlternatives, get_connection, send_mail
from django.test import Client
from django.urls import reverse

from portal.environment import env
from portal.outbox import FOLDER, OutboxBackend


@pytest.fixture(autouse=True)
def _by_outbox(settings: Any) -> None:
    settings.EMAIL_BACKEND = "portal.outbox.OutboxBackend"


def outbox() -> list[dict[str, Any]]:
    _, names = storages["derived"].listdir(FOLDER)
    return [json.loads(storages["derived"].open(f"{FOLDER}/{name}").read()) for name in names]


def test_a_mail_lies_in_the_outbox_as_it_will_travel() -> None:
    message = EmailMultiAlternatives(
        "Grüße", "Hello.\n", "ImageSift <sift@example.com>", ["Ada Löw <ada@example.com>"], bcc=["hidden@example.com"]
    )
    message.attach_alternative("<p>Hello.</p>", "text/html")
    assert message.send() == 1
    (document,) = outbox()
    raw = base64.b64decode(document.pop("raw_base64"))
    assert document == {
        "schema": "imagesift.mail/1",
        "from": "sift@example.com",
        "to": ["ada@example.com", "hidden@example.com"],
    }
    travelling = message_from_bytes(raw, policy=policy.default)
    assert (travelling["Subject"], travelling["To"]) == ("Grüße", "Ada Löw <ada@example.com>")
    assert b"hidden@example.com" not in raw
    assert b"\r\n" in raw
    body = travelling.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == "Hello."


def test_a_mail_to_nobody_is_not_written() -> None:
    assert EmailMultiAlternatives("a", "b", "a@example.com", []).send() == 0


def test_an_outbox_that_cannot_be_written_is_an_error_unless_silence_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(storages["derived"], "save", full)
    with pytest.raises(OSError, match="no space left"):
        send_mail("a", "b", "a@example.com", ["b@example.com"])
    assert send_mail("a", "b", "a@example.com", ["b@example.com"], fail_silently=True) == 0


def test_a_line_break_in_a_header_is_refused() -> None:
    with pytest.raises(ValueError, match="newlines"):
        send_mail("a\nBcc: all@example.com", "b", "a@example.com", ["b@example.com"])


def test_signing_up_puts_the_confirmation_in_the_outbox(client: Client, db: None) -> None:
    client.post(
        reverse("account_signup"),
        {"username": "ada", "email": "ada@example.com", "password1": "a long enough secret"},
    )
    (document,) = outbox()
    assert document["to"] == ["ada@example.com"]
    assert b"/confirm-email/" in base64.b64decode(document["raw_base64"])


def test_the_setting_names_the_outbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_URL", "outbox://")
    backend = env.email_url("EMAIL_URL")["EMAIL_BACKEND"]
    assert isinstance(get_connection(backend), OutboxBackend)
