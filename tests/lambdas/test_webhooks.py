"""Webhooks from the outbox, to a server that does as it is told, and what the portal and the queue hear of it."""

from __future__ import annotations

import http.server
import io
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks import Webhook

from lambdas.webhooks import delivering
from lambdas.webhooks import handler as webhooks
from tests.lambdas.world import DERIVED, Context, World
from webhooks.messages import Message
from webhooks.schedule import ATTEMPTS, next_wait
from webhooks.sending import send
from webhooks.signing import new_secret

BODY = '{"type": "image.recognized"}'


@dataclass
class Receiver:
    """Answers with `status`, once as many as `together` says are there."""

    url: str = ""
    status: int = 200
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    together: threading.Barrier | None = None


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    told = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            if told.together is not None:
                told.together.wait(timeout=8)
            self.send_response(told.status)
            self.end_headers()
            self.wfile.write(b"noted")

        def log_message(self, *_: object) -> None:
            """Say nothing: the tests' output is theirs."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def outbox(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The queue that S3 tells of new deliveries."""
    webhooks._delivering.cache_clear()
    queue = world.make_queue("webhooks", VisibilityTimeout="360")
    monkeypatch.setenv("WEBHOOKS_QUEUE_URL", queue)
    world.notify(DERIVED, "outbox/webhooks/", queue)
    yield queue
    webhooks._delivering.cache_clear()


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver is on loopback, where the function itself sends nothing."""
    monkeypatch.setattr(delivering, "send", lambda message: send(replace(message, allow_private=True)))


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    written = io.StringIO()
    monkeypatch.setattr(webhooks.logger.registered_handler, "stream", written)
    return written


def put(world: World, url: str, **changes: Any) -> Message:
    message = Message(delivery_id=str(uuid4()), url=url, secret=new_secret(), body=BODY)
    message = replace(message, **changes)
    world.write(f"outbox/webhooks/{message.delivery_id}.json", json.loads(message.to_json()))
    return message


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """For how long the function hid each message, which here comes again at once."""
    seconds: list[int] = []
    monkeypatch.setattr(delivering.Delivering, "hide", lambda _self, _receipt, wait: seconds.append(wait.seconds))
    return seconds


def test_a_delivery_arrives_signed_is_told_of_and_taken_out(
    world: World, outbox: str, receiver: Receiver, reachable: None
) -> None:
    message = put(world, receiver.url)

    world.drain(webhooks.handle, outbox)

    ((headers, body),) = receiver.got
    Webhook(message.secret).verify(body, headers)
    assert (headers["webhook-id"], body.decode()) == (message.delivery_id, BODY)
    assert world.keys("outbox/") == []
    (told,) = world.told()
    assert told.pop("at").endswith("Z")
    assert told.pop("duration_ms") >= 0
    assert told == {
        "schema": "imagesift.delivery/1",
        "delivery_id": message.delivery_id,
        "attempt": 1,
        "status_code": 200,
        "problem": "",
        "answer": "noted",
        "given_up": False,
    }


def test_a_delivery_whose_event_comes_again_is_made_once(
    world: World, outbox: str, receiver: Receiver, reachable: None
) -> None:
    put(world, receiver.url)
    world.deliver(webhooks.handle, outbox)
    world.clients.sqs.send_message(QueueUrl=outbox, MessageBody=event_of("outbox/webhooks/gone.json"))

    world.drain(webhooks.handle, outbox)

    assert len(receiver.got) == 1


def event_of(key: str) -> str:
    record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": DERIVED}, "object": {"key": key}}}
    return json.dumps({"Records": [record]})


def test_what_fails_is_tried_by_the_schedule_and_then_given_up(
    world: World, outbox: str, receiver: Receiver, reachable: None, hidden: list[int]
) -> None:
    receiver.status = 503
    put(world, receiver.url)

    world.drain(webhooks.handle, outbox)

    waits = [next_wait(attempt) for attempt in range(1, ATTEMPTS)]
    assert hidden == [5, 300, 1800, 7200, 18_000, 36_000]
    assert hidden == [wait.total_seconds() for wait in waits if wait is not None]
    told = world.told()
    assert [(each["attempt"], each["given_up"]) for each in told] == [(n, n == 7) for n in range(1, 8)]
    assert {each["status_code"] for each in told} == {503}
    assert world.keys("outbox/") == []


def test_a_delivery_that_was_sent_again_goes_on_counting_and_begins_the_schedule_anew(
    world: World, outbox: str, receiver: Receiver, reachable: None, hidden: list[int]
) -> None:
    receiver.status = 503
    put(world, receiver.url, attempts_before=7)
    world.deliver(webhooks.handle, outbox)
    receiver.status = 204

    world.drain(webhooks.handle, outbox)

    assert hidden == [5]
    assert [(each["attempt"], each["status_code"]) for each in world.told()] == [(8, 503), (9, 204)]


def test_a_message_comes_again_when_it_is_due(
    world: World, outbox: str, receiver: Receiver, reachable: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "next_wait", lambda _attempt: timedelta(seconds=2))
    receiver.status = 500
    put(world, receiver.url)
    (message,) = world.receive(outbox)
    record = {"messageId": "1", "receiptHandle": message["ReceiptHandle"], "body": message["Body"]}
    record["attributes"] = message["Attributes"]

    assert webhooks.handle({"Records": [record]}, Context()) == {"batchItemFailures": [{"itemIdentifier": "1"}]}

    assert world.receive(outbox) == [], "not before"
    time.sleep(2.2)
    (again,) = world.receive(outbox)
    assert again["MessageId"] == message["MessageId"]


def test_a_server_that_wants_no_more_is_not_asked_again(
    world: World, outbox: str, receiver: Receiver, reachable: None
) -> None:
    receiver.status = 410
    put(world, receiver.url)

    world.drain(webhooks.handle, outbox)

    (told,) = world.told()
    assert (told["status_code"], told["given_up"]) == (410, True)
    assert world.keys("outbox/") == []


def test_nothing_goes_to_a_private_address_whatever_the_outbox_says(
    world: World, outbox: str, receiver: Receiver
) -> None:
    put(world, receiver.url.replace("http:", "https:"), allow_private=True)

    assert len(world.deliver(webhooks.handle, outbox)) == 1

    assert receiver.got == []
    (told,) = world.told()
    assert "not one of the public internet" in told["problem"]
    assert told["status_code"] is None


def test_a_batch_goes_out_at_once(world: World, outbox: str, receiver: Receiver, reachable: None) -> None:
    receiver.together = threading.Barrier(5)
    for _ in range(5):
        put(world, receiver.url)

    assert world.deliver(webhooks.handle, outbox) == []

    assert len(receiver.got) == 5


def test_a_delivery_goes_on_when_the_portal_cannot_be_told(
    world: World, outbox: str, receiver: Receiver, reachable: None, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    monkeypatch.setenv("INGEST_QUEUE_URL", world.ingest_queue + "-gone")
    put(world, receiver.url)
    world.drain(webhooks.handle, outbox)
    assert world.keys("outbox/") == []

    receiver.status = 503
    put(world, receiver.url)
    assert len(world.deliver(webhooks.handle, outbox)) == 1

    assert len(receiver.got) == 2
    assert len(world.keys("outbox/")) == 1
    assert "the portal was not told" in log.getvalue()


@pytest.mark.parametrize("changes", [{"schema": "imagesift.webhook/2"}, {"url": None}, {"delivery_id": "7"}])
def test_a_delivery_nobody_can_read_stays_unsent_and_unquoted(
    world: World, outbox: str, receiver: Receiver, reachable: None, log: io.StringIO, changes: dict[str, Any]
) -> None:
    message = Message(str(uuid4()), receiver.url, new_secret(), BODY)
    world.write("outbox/webhooks/odd.json", json.loads(message.to_json()) | changes)

    assert len(world.deliver(webhooks.handle, outbox)) == 1

    assert receiver.got == []
    assert world.keys("outbox/") == ["outbox/webhooks/odd.json"]
    assert "the object" in log.getvalue()
    assert not [word for word in (message.secret, message.url, BODY) if word in log.getvalue()]


def test_secrets_and_addresses_are_not_logged(
    world: World, outbox: str, receiver: Receiver, reachable: None, log: io.StringIO
) -> None:
    receiver.status = 503
    message = put(world, receiver.url)

    world.deliver(webhooks.handle, outbox)

    (line,) = [json.loads(line) for line in log.getvalue().splitlines()]
    assert "attempt 1: The server answered with status 503. The next is due in 0:00:05." in line["message"]
    assert line["delivery"] == f"outbox/webhooks/{message.delivery_id}.json"
    assert not [word for word in (message.secret, message.url, "image.recognized") if word in log.getvalue()]


def test_other_objects_are_passed_over(world: World, outbox: str) -> None:
    world.write("settings/budgets.json", {})
    world.clients.sqs.send_message(QueueUrl=outbox, MessageBody=event_of("settings/budgets.json"))

    world.drain(webhooks.handle, outbox)

    assert world.keys("settings/") == ["settings/budgets.json"]
