"""One delivery of the outbox: an attempt is made and told to the portal, and the next is due by the schedule."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.pointers import DeliveryAttempt
from webhooks.messages import FOLDER as _FOLDER
from webhooks.messages import Message, MessageError
from webhooks.schedule import next_wait
from webhooks.sending import Outcome, send

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

    from lambdas.config import WebhooksConfig

FOLDER: Final = f"{_FOLDER}/"

_ABSENT: Final = frozenset({"NoSuchKey", "404"})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """`problem` is empty where it succeeded, else a sentence that may be logged; `wait` is None where none follows."""

    problem: str
    wait: timedelta | None


class Delivering:
    def __init__(
        self,
        s3: S3Client,
        sqs: SQSClient,
        config: WebhooksConfig,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._s3 = s3
        self._sqs = sqs
        self._bucket = config.derived_bucket
        self._queue_url = config.webhooks_queue_url
        self._ingest_url = config.ingest_queue_url
        self._now = now

    def deliver(self, key: str, number: int) -> Attempt | None:
        """Make the attempt of this number, from 1, at what lies at `key`; None when it is gone: delivered, or given up.

        Raises MessageError for what nobody can read. Where the process ends half-way, the message goes out twice rather
        than never.
        """
        document = self._document(key)
        if document is None:
            return None
        message = replace(Message.from_json(document), allow_private=False)
        delivery_id = _identity(message)
        at = self._now()
        outcome = send(message)
        wait = None if outcome.succeeded or outcome.is_gone else next_wait(number)
        given_up = not outcome.succeeded and wait is None
        self._report(_told(delivery_id, message.attempts_before + number, at, outcome, given_up))
        if wait is None:
            self._s3.delete_object(Bucket=self._bucket, Key=key)
        return Attempt(outcome.problem, wait)

    def hide(self, receipt_handle: str, wait: timedelta) -> None:
        """Let the queue's message come again when the time is over."""
        self._sqs.change_message_visibility(
            QueueUrl=self._queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=round(wait.total_seconds())
        )

    def _document(self, key: str) -> bytes | None:
        try:
            with self._s3.get_object(Bucket=self._bucket, Key=key)["Body"] as body:
                return body.read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise

    def _report(self, told: DeliveryAttempt) -> None:
        """What the portal does not hear of is missing from its log; the delivery goes on all the same."""
        try:
            self._sqs.send_message(QueueUrl=self._ingest_url, MessageBody=told.to_json())
        except (BotoCoreError, ClientError):
            logger.exception("the portal was not told of an attempt")


def _identity(message: Message) -> UUID:
    try:
        return UUID(message.delivery_id)
    except ValueError:
        raise MessageError("the object's delivery_id is none") from None


def _told(delivery_id: UUID, number: int, at: datetime, outcome: Outcome, given_up: bool) -> DeliveryAttempt:
    return DeliveryAttempt(
        delivery_id=delivery_id,
        attempt=number,
        at=at,
        status_code=outcome.status_code,
        problem=outcome.problem,
        duration_ms=outcome.duration_ms,
        answer=outcome.answer,
        given_up=given_up,
    )
