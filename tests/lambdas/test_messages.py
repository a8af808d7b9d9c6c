"""What is read from queues and written to them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from lambdas.places import ImagePlace
from lambdas.pointers import (
    DeliveryAttempt,
    HeldImage,
    HoldReason,
    Message,
    ResultPointer,
    UnreadableMessage,
    read_message,
)
from lambdas.s3_events import UnreadableEvent, created_objects

IMAGE_ID = UUID("8c1f2c9e-5b0a-4a57-9d5e-0d6a5f6f2b11")
POINTER = ResultPointer(IMAGE_ID, "derived/7/8c1f/results/x.json")
ATTEMPT = DeliveryAttempt(
    delivery_id=UUID("0f0e5f5c-7a35-4a39-9a1c-2a1d9d3f7c55"),
    attempt=2,
    at=datetime(2026, 11, 30, 12, 0, 5, 250_000, tzinfo=UTC),
    status_code=None,
    problem="The server took longer than 10 seconds.",
    duration_ms=10_003,
    answer="",
    given_up=False,
)
HELD = HeldImage(IMAGE_ID, HoldReason.USER_BUDGET, "2026-11", datetime(2026, 11, 30, 23, 59, tzinfo=UTC))


def event(key: str, **record: Any) -> str:
    stored = {"key": key, "size": 5, "eTag": "abc"}
    return json.dumps(
        {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": stored}, **record}]}
    )


def test_the_messages_are_written_as_agreed() -> None:
    assert json.loads(POINTER.to_json()) == {
        "schema": "imagesift.pointer/1",
        "image_id": "8c1f2c9e-5b0a-4a57-9d5e-0d6a5f6f2b11",
        "result_key": "derived/7/8c1f/results/x.json",
    }
    assert json.loads(HELD.to_json()) == {
        "schema": "imagesift.held/1",
        "image_id": "8c1f2c9e-5b0a-4a57-9d5e-0d6a5f6f2b11",
        "reason": "user_budget",
        "month": "2026-11",
        "held_at": "2026-11-30T23:59:00Z",
    }
    assert json.loads(ATTEMPT.to_json()) == {
        "schema": "imagesift.delivery/1",
        "delivery_id": "0f0e5f5c-7a35-4a39-9a1c-2a1d9d3f7c55",
        "attempt": 2,
        "at": "2026-11-30T12:00:05.250000Z",
        "status_code": None,
        "problem": "The server took longer than 10 seconds.",
        "duration_ms": 10_003,
        "answer": "",
        "given_up": False,
    }


@pytest.mark.parametrize("message", [POINTER, HELD, ATTEMPT, replace(ATTEMPT, status_code=503, given_up=True)])
def test_a_message_is_read_back_whatever_was_added_to_it(message: Message) -> None:
    document = json.loads(message.to_json()) | {"added_later": [1]}
    assert read_message(json.dumps(document)) == message


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "imagesift.pointer/2"},
        {"schema": None},
        {"schema": []},
        {"image_id": "x"},
        {"image_id": 3},
        {"result_key": ""},
        {"result_key": None},
    ],
)
def test_a_pointer_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadableMessage):
        read_message(json.dumps(json.loads(POINTER.to_json()) | changes))


@pytest.mark.parametrize("changes", [{"reason": "weather"}, {"held_at": "2026-11-30T23:59:00"}, {"month": 11}])
def test_a_hold_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadableMessage):
        read_message(json.dumps(json.loads(HELD.to_json()) | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"delivery_id": "x"},
        {"attempt": True},
        {"attempt": "2"},
        {"at": "2026-11-30T12:00:05"},
        {"status_code": "503"},
        {"problem": None},
        {"duration_ms": 1.5},
        {"answer": 5},
        {"given_up": 0},
    ],
)
def test_an_attempt_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadableMessage):
        read_message(json.dumps(json.loads(ATTEMPT.to_json()) | changes))


@pytest.mark.parametrize("body", ["", "[]", "3", "null", "{}", '{"schema":"imagesift.pointer/1"}'])
def test_what_is_no_message_is_refused(body: str) -> None:
    with pytest.raises(UnreadableMessage):
        read_message(body)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("uploads%2F7%2Fx", "uploads/7/x"),
        ("imports/ann/my+holiday%2B100%25/%C3%BC.jpg", "imports/ann/my holiday+100%/ü.jpg"),
    ],
)
def test_keys_in_events_are_decoded(written: str, key: str) -> None:
    (created,) = created_objects(event(written))
    assert (created.bucket, created.key, created.etag, created.version_id) == ("b", key, "abc", None)


def test_only_creations_count_and_the_test_event_holds_none() -> None:
    assert created_objects(event("k", eventName="ObjectRemoved:Delete")) == ()
    assert created_objects('{"Service": "Amazon S3", "Event": "s3:TestEvent"}') == ()


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"Records": [{}]}', '{"Records": [{"eventName": "ObjectCreated:Put"}]}']
)
def test_what_is_no_event_is_refused(body: str) -> None:
    with pytest.raises(UnreadableEvent):
        created_objects(body)


def test_an_uploads_key_names_its_owner_and_image() -> None:
    assert ImagePlace.of_upload(f"uploads/7/{IMAGE_ID}") == ImagePlace("7", IMAGE_ID)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "uploads/7/x",
        f"uploads/{IMAGE_ID}",
        f"uploads//{IMAGE_ID}",
        f"imports/7/{IMAGE_ID}",
        f"uploads/7/{IMAGE_ID}/x",
        f"uploads/../{IMAGE_ID}",
        f"uploads/7/{str(IMAGE_ID).upper()}",
    ],
)
def test_other_keys_are_no_uploads(key: str) -> None:
    assert ImagePlace.of_upload(key) is None
