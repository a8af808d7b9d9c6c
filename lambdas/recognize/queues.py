"""What `recognize` says to others and to its own later self."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from lambdas.s3_events import CreatedObject

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from lambdas.pointers import Message

_SHORTEST_WAIT_S: Final = 5
_LONGEST_WAIT_S: Final = 60
_POSTPONED: Final = "postponed"


def wait_s(times: int) -> int:
    """Seconds until the next attempt after so many postponements: 5 to 60, spread so that not all come at once."""
    longest = min(_LONGEST_WAIT_S, 2 * _SHORTEST_WAIT_S * 2 ** min(times, 10))
    return random.randint(_SHORTEST_WAIT_S, longest)  # noqa: S311 (nothing to guess here)


def times_postponed(body: str) -> int:
    """How often the object of a message that is ours was put off; 0 for a message of S3's."""
    return int(json.loads(body).get(_POSTPONED, 0))


class Queues:
    def __init__(
        self, sqs: SQSClient, recognize_url: str, ingest_url: str, wait: Callable[[int], int] = wait_s
    ) -> None:
        self._sqs = sqs
        self._recognize_url = recognize_url
        self._ingest_url = ingest_url
        self._wait = wait

    def tell_ingest(self, message: Message) -> None:
        self._sqs.send_message(QueueUrl=self._ingest_url, MessageBody=message.to_json())

    def postpone(self, created: CreatedObject, times: int) -> int:
        """Put one object off, which was put off so many `times` before; returns for how many seconds.

        A new message instead of the old one's return: that would count towards the dead-letter queue.
        """
        body = json.dumps({"Records": [created.record], _POSTPONED: times + 1}, separators=(",", ":"))
        seconds = self._wait(times)
        self._sqs.send_message(QueueUrl=self._recognize_url, MessageBody=body, DelaySeconds=seconds)
        return seconds
