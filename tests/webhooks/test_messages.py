"""Messages: how they are signed, how they travel, and when they are sent again."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from webhooks.messages import Message, MessageError
from webhooks.schedule import ATTEMPTS, next_wait
from webhooks.signing import new_secret, sign


@pytest.fixture
def now() -> int:
    return int(datetime.now(UTC).timestamp())


def headers(timestamp: int, signature: str) -> dict[str, str]:
    return {"webhook-id": "msg_1", "webhook-timestamp": str(timestamp), "webhook-signature": signature}


def test_the_reference_library_verifies_what_we_sign(now: int) -> None:
    secret, body = new_secret(), '{"type": "image.recognized", "filename": "Grüße.jpg"}'
    Webhook(secret).verify(body, headers(now, sign(secret, "msg_1", now, body.encode())))


def test_the_reference_library_refuses_what_was_changed_on_the_way(now: int) -> None:
    secret = new_secret()
    signature = sign(secret, "msg_1", now, b'{"a": 1}')
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify('{"a": 2}', headers(now, signature))
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify('{"a": 1}', headers(now, signature))


def test_a_secret_is_32_random_bytes() -> None:
    secret = new_secret()
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert secret != new_secret()


def test_a_message_survives_the_outbox() -> None:
    message = Message("id", "https://example.com/", "whsec_AA==", '{"a": "ü"}', attempts_before=3)
    assert Message.from_json(message.to_json()) == message
    added = json.loads(message.to_json()) | {"new": "field"}
    del added["attempts_before"]
    assert Message.from_json(json.dumps(added)).attempts_before == 0


@pytest.mark.parametrize(
    "change", [{"schema": "imagesift.webhook/2"}, {"url": None}, {"secret": 5}, {"attempts_before": "1"}]
)
def test_an_object_of_another_form_is_refused_without_telling_of_it(change: dict[str, object]) -> None:
    known = json.loads(Message("id", "https://example.com/", "hidden", "hidden").to_json())
    with pytest.raises(MessageError) as refused:
        Message.from_json(json.dumps(known | change))
    assert "hidden" not in str(refused.value)
    with pytest.raises(MessageError):
        Message.from_json(b"\xff")


def test_a_message_shows_neither_secret_nor_body() -> None:
    assert "hidden" not in repr(Message("id", "https://example.com/", "hidden", "hidden"))


def test_seven_attempts_are_made_within_a_day() -> None:
    waits = [next_wait(attempt) for attempt in range(1, ATTEMPTS + 1)]
    assert waits == [
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=5),
        timedelta(hours=10),
        None,
    ]
