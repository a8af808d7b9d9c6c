"""The messages on the ingest queue: what the functions outside the network tell the portal, in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, TypeVar
from uuid import UUID

POINTER_SCHEMA: Final = "imagesift.pointer/1"
HELD_SCHEMA: Final = "imagesift.held/1"
DELIVERY_SCHEMA: Final = "imagesift.delivery/1"
TRAINING_SCHEMA: Final = "imagesift.training-answer/1"


T = TypeVar("T")


class UnreadableMessage(ValueError):
    """A body that is none of the messages below; trying it again is of no use."""


class HoldReason(StrEnum):
    """Whose monthly budget an image waits for."""

    USER_BUDGET = "user_budget"
    STACK_BUDGET = "stack_budget"


@dataclass(frozen=True, slots=True)
class ResultPointer:
    """A result of `image_id` lies at `result_key` in the derived bucket, ready to be recorded."""

    image_id: UUID
    result_key: str

    def to_json(self) -> str:
        return _written(POINTER_SCHEMA, image_id=str(self.image_id), result_key=self.result_key)


@dataclass(frozen=True, slots=True)
class HeldImage:
    """`image_id` was not recognised, and nothing paid, because a budget of `month` (YYYY-MM, UTC) is spent."""

    image_id: UUID
    reason: HoldReason
    month: str
    held_at: datetime

    def to_json(self) -> str:
        moment = _stamp(self.held_at)
        return _written(
            HELD_SCHEMA, image_id=str(self.image_id), reason=self.reason.value, month=self.month, held_at=moment
        )


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """How the attempt of this number (from 1) to deliver a webhook went.

    `status_code` is None where nobody answered, `problem` empty where it succeeded; `given_up`: no other will follow.
    """

    delivery_id: UUID
    attempt: int
    at: datetime
    status_code: int | None
    problem: str
    duration_ms: int
    answer: str
    given_up: bool

    def to_json(self) -> str:
        return _written(
            DELIVERY_SCHEMA,
            delivery_id=str(self.delivery_id),
            attempt=self.attempt,
            at=_stamp(self.at),
            status_code=self.status_code,
            problem=self.problem,
            duration_ms=self.duration_ms,
            answer=self.answer,
            given_up=self.given_up,
        )


@dataclass(frozen=True, slots=True)
class TrainingAnswer:
    """What became of an order about a model version: done, or refused for `problem`, a sentence for a person.

    `order` and `job` are the order's own. `job_name` and `package_arn` are SageMaker's names for what it is about, each
    empty where there is none.
    """

    version_id: UUID
    order: str
    job: str
    job_name: str = ""
    package_arn: str = ""
    problem: str = ""

    def to_json(self) -> str:
        return _written(
            TRAINING_SCHEMA,
            version_id=str(self.version_id),
            order=self.order,
            job=self.job,
            job_name=self.job_name,
            package_arn=self.package_arn,
            problem=self.problem,
        )


Message = ResultPointer | HeldImage | DeliveryAttempt | TrainingAnswer


def read_message(body: str) -> Message:
    """The message that a queue record's body holds. Fields it does not know are ignored.

    Raises UnreadableMessage for another schema, a missing field, or what is no JSON object.
    """
    try:
        document = json.loads(body)
        return _READERS[document["schema"]](document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableMessage(f"not a message for the ingest queue: {error!r}") from error


def _written(schema: str, **values: str | int | None) -> str:
    return json.dumps({"schema": schema, **values}, separators=(",", ":"))


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _pointer(document: dict[str, Any]) -> ResultPointer:
    return ResultPointer(UUID(document["image_id"]), _text(document["result_key"]))


def _held(document: dict[str, Any]) -> HeldImage:
    held_at = _moment(document["held_at"])
    return HeldImage(UUID(document["image_id"]), HoldReason(document["reason"]), _text(document["month"]), held_at)


def _delivery(document: dict[str, Any]) -> DeliveryAttempt:
    status_code = document["status_code"]
    return DeliveryAttempt(
        delivery_id=UUID(document["delivery_id"]),
        attempt=_of(int, document["attempt"]),
        at=_moment(document["at"]),
        status_code=None if status_code is None else _of(int, status_code),
        problem=_of(str, document["problem"]),
        duration_ms=_of(int, document["duration_ms"]),
        answer=_of(str, document["answer"]),
        given_up=_of(bool, document["given_up"]),
    )


def _training(document: dict[str, Any]) -> TrainingAnswer:
    return TrainingAnswer(
        version_id=UUID(document["version_id"]),
        order=_text(document["order"]),
        job=_text(document["job"]),
        job_name=_of(str, document["job_name"]),
        package_arn=_of(str, document["package_arn"]),
        problem=_of(str, document["problem"]),
    )


def _moment(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        raise ValueError("a moment must carry a time zone")
    return moment


def _of(kind: type[T], value: object) -> T:
    """Truths are whole numbers to Python, and not to us."""
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, not {value!r}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"expected some text, not {value!r}")
    return value


_READERS: Final[Mapping[str, Callable[[dict[str, Any]], Message]]] = {
    POINTER_SCHEMA: _pointer,
    HELD_SCHEMA: _held,
    DELIVERY_SCHEMA: _delivery,
    TRAINING_SCHEMA: _training,
}
