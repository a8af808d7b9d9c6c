"""What calls functions without being asked: queues, by their event source mappings, and buckets.

The Lambda service polls with the function's role. A message that failed is hidden until its visibility timeout is
over: minutes in the stack, half a second here.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tests.cloud.aws import Aws
from tests.cloud.functions import Functions, Invoked

_IDLE_S = 0.15
_RETRY_S = 0.5
_LOOK_AT_QUEUE_S = 0.5
_ASYNCHRONOUS_ATTEMPTS = 3


@dataclass(frozen=True)
class Mapping:
    """One event source mapping; `at_once` is its maximum concurrency."""

    queue: str
    function: str
    batch_size: int
    at_once: int
    partial: bool


class EventSources:
    """Polls from `start` to `stop`. Queues named in `paused`, and "buckets", are left alone meanwhile."""

    def __init__(self, aws: Aws, functions: Functions) -> None:
        self._aws, self._functions = aws, functions
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._busy = 0
        self._lock = threading.Lock()
        self.paused: set[str] = set()
        self.mappings: list[Mapping] = []

    def start(self) -> None:
        self.mappings = [_mapping(entry) for entry in _all_mappings(self._aws)]
        for mapping in self.mappings:
            for _ in range(mapping.at_once):
                self._begin(self._poll, mapping)
        self._begin(self._call_for_buckets)

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=30)

    def waiting(self) -> dict[str, int]:
        """Messages in each queue that feeds a function, in flight and delayed ones included; calls of buckets."""
        messages = {mapping.queue: sum(self.depth(mapping.queue)) for mapping in self.mappings}
        return {**messages, "buckets": self._aws.control("calls_waiting")}

    def quiet(self) -> bool:
        """Nothing waits and nothing runs."""
        with self._lock:
            busy = self._busy
        return not busy and not any(self.waiting().values())

    def _begin(self, work: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        self._threads.append(thread)

    def depth(self, queue: str) -> tuple[int, int, int]:
        names = ("", "NotVisible", "Delayed")
        found = self._aws.client("sqs").get_queue_attributes(QueueUrl=self.url(queue), AttributeNames=["All"])
        visible, hidden, delayed = (int(found["Attributes"][f"ApproximateNumberOfMessages{name}"]) for name in names)
        return visible, hidden, delayed

    def url(self, queue: str) -> str:
        return f"{self._aws.endpoint}/{self._aws.account}/{queue}"

    def _poll(self, mapping: Mapping) -> None:
        looked = 0.0
        while not self._stopping.wait(_IDLE_S):
            if mapping.queue in self.paused:
                continue
            try:
                looked = self._look_at_queue(mapping, looked)
                while messages := self._receive(mapping):
                    self._work_on(mapping, messages)
                    looked = self._look_at_queue(mapping, looked)
                    if self._stopping.is_set() or mapping.queue in self.paused:
                        break
            except ClientError:
                # Counted where it was refused. Lambda tries again, and so on for ever.
                continue

    def _client(self, mapping: Mapping) -> Any:
        return self._functions.service_client(self._functions.deployed(mapping.function).role, "sqs")

    def _look_at_queue(self, mapping: Mapping, looked: float) -> float:
        if time.monotonic() - looked < _LOOK_AT_QUEUE_S:
            return looked
        self._client(mapping).get_queue_attributes(QueueUrl=self.url(mapping.queue), AttributeNames=["QueueArn"])
        return time.monotonic()

    def _receive(self, mapping: Mapping) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (
            self._client(mapping)
            .receive_message(
                QueueUrl=self.url(mapping.queue),
                MaxNumberOfMessages=min(10, mapping.batch_size),
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            .get("Messages", [])
        )
        return found

    def _work_on(self, mapping: Mapping, messages: list[dict[str, Any]]) -> None:
        with self._busily:
            event = {"Records": [self._record(mapping, message) for message in messages]}
            failed = _failed(mapping, self._functions.invoke(mapping.function, event), messages)
            done = [message for message in messages if message["MessageId"] not in failed]
            try:
                if done:
                    self._delete(mapping, done)
            except ClientError:
                failed = {message["MessageId"] for message in messages}
                raise
            finally:
                for message in messages:
                    if message["MessageId"] in failed:
                        self._show_later(mapping.queue, message["ReceiptHandle"])

    def _delete(self, mapping: Mapping, messages: list[dict[str, Any]]) -> None:
        entries = [{"Id": str(place), "ReceiptHandle": entry["ReceiptHandle"]} for place, entry in enumerate(messages)]
        self._client(mapping).delete_message_batch(QueueUrl=self.url(mapping.queue), Entries=entries)

    @property
    def _busily(self) -> _Busy:
        return _Busy(self)

    def _show_later(self, queue: str, receipt: str) -> None:
        def show() -> None:
            # By now it may have been thrown away.
            with suppress(ClientError):
                self._aws.client("sqs").change_message_visibility(
                    QueueUrl=self.url(queue), ReceiptHandle=receipt, VisibilityTimeout=0
                )

        timer = threading.Timer(_RETRY_S, show)
        timer.daemon = True
        timer.start()

    def _record(self, mapping: Mapping, message: dict[str, Any]) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{self._aws.region}:{self._aws.account}:{mapping.queue}",
            "awsRegion": self._aws.region,
        }

    def _call_for_buckets(self) -> None:
        while not self._stopping.wait(_IDLE_S):
            if "buckets" in self.paused:
                continue
            with self._busily:
                for call in self._aws.control("calls"):
                    name = call["function"].rpartition(":")[2]
                    bucket = call["event"]["Records"][0]["s3"]["bucket"]["arn"]
                    self._functions.admits(name, "s3.amazonaws.com", bucket)
                    for _ in range(_ASYNCHRONOUS_ATTEMPTS):
                        if not self._functions.invoke(name, call["event"]).failed:
                            break


class _Busy:
    def __init__(self, sources: EventSources) -> None:
        self._sources = sources

    def __enter__(self) -> None:
        with self._sources._lock:
            self._sources._busy += 1

    def __exit__(self, *_: object) -> None:
        with self._sources._lock:
            self._sources._busy -= 1


def _all_mappings(aws: Aws) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    return found


def _mapping(entry: dict[str, Any]) -> Mapping:
    return Mapping(
        queue=entry["EventSourceArn"].rpartition(":")[2],
        function=entry["FunctionArn"].rpartition(":")[2],
        batch_size=entry["BatchSize"],
        at_once=entry.get("ScalingConfig", {}).get("MaximumConcurrency", 2),
        partial="ReportBatchItemFailures" in entry.get("FunctionResponseTypes", []),
    )


def _failed(mapping: Mapping, answer: Invoked, messages: list[dict[str, Any]]) -> set[str]:
    everything = {message["MessageId"] for message in messages}
    if answer.failed:
        return everything
    if not mapping.partial or not answer.payload:
        return set()
    named = {entry["itemIdentifier"] for entry in answer.payload.get("batchItemFailures", [])}
    # A name that is not of this batch makes Lambda take the whole batch for failed.
    return named if named <= everything else everything
