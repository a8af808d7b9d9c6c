"""Entry point of `ingest`: results, attempts, imports and news of trainings become rows, and images without a budget
wait."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import OperationalError, close_old_connections

from lambdas.batches import ExplainedFailure, Message, each_message
from lambdas.logs import make_logger
from lambdas.pointers import (
    DeliveryAttempt,
    HeldImage,
    ResultPointer,
    TrainingAnswer,
    UnreadableMessage,
    read_message,
)
from lambdas.pointers import Message as Told
from lambdas.s3_events import CreatedObject, UnreadableEvent, created_objects
from lambdas.sagemaker_events import JobChanged, StateChange, UnreadableStateChange, read_state_change
from portal.finetuning import orders
from portal.images.holding import hold
from portal.images.importing import import_object
from portal.images.models import Hold
from portal.images.results import record_stored
from portal.images.sweeping_along import go_on_if_due
from portal.waking import connect
from portal.webhooks.recording import record_attempt

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# A database that sleeps needs about fifteen seconds to wake up, after a long time thirty.
_PATIENCE_S: Final = 30.0
_SWEEPING_S: Final = 5.0

logger = make_logger()


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    """Answers with the ids of the messages that failed: all of them as long as there is no database."""
    if not any(_is_readable(message["body"]) for message in event["Records"]):
        # They come again many times, and the database need not wake up for that.
        return each_message(event, _take, logger)
    try:
        connect(_PATIENCE_S)
        answer = each_message(event, _take, logger)
        go_on_if_due(_SWEEPING_S)
        return answer
    except OperationalError:
        logger.exception("there is no database; every message will come again")
        return {"batchItemFailures": [{"itemIdentifier": message["messageId"]} for message in event["Records"]]}
    finally:
        # An open connection would keep the database awake for as long as this process is kept.
        close_old_connections()


def _take(message: Message) -> None:
    try:
        _take_body(message["body"])
    except Exception:
        # If the connection is what failed, the next message gets another.
        close_old_connections()
        raise


def _is_readable(body: str) -> bool:
    with suppress(ExplainedFailure):
        _read(body)
        return True
    return False


def _read(body: str) -> Told | StateChange | tuple[CreatedObject, ...]:
    """Raises ExplainedFailure with what each of the readers says of it."""
    problems = []
    for read in (read_message, read_state_change, created_objects):
        try:
            return read(body)
        except (UnreadableMessage, UnreadableStateChange, UnreadableEvent) as error:
            problems.append(str(error))
    raise ExplainedFailure("; ".join(problems))


def _take_body(body: str) -> None:
    logger.remove_keys(["image_id", "delivery_id", "version_id", "job", "package"])
    match _read(body):
        case ResultPointer() as told:
            _record(told)
        case HeldImage() as told:
            _hold(told)
        case DeliveryAttempt() as told:
            _note(told)
        case TrainingAnswer() as told:
            _hear(told)
        case tuple() as created:
            _import_all(created)
        case change:
            _follow(change)


def _hear(told: TrainingAnswer) -> None:
    logger.append_keys(version_id=str(told.version_id))
    known = orders.take_answer(
        told.version_id,
        order=told.order,
        job=told.job,
        job_name=told.job_name,
        package_arn=told.package_arn,
        problem=told.problem,
    )
    logger.info("an answer was taken" if known else "an answer came for an order that does not matter any more")


def _follow(change: StateChange) -> None:
    if isinstance(change, JobChanged):
        logger.append_keys(job=change.name)
        known = orders.take_event(change.name, status=change.status, secondary=change.secondary, reason=change.reason)
    else:
        logger.append_keys(package=change.arn)
        known = orders.take_approval(change.arn, change.approval)
    logger.info("a change was followed" if known else "a change of something that nobody waits for was passed over")


def _record(told: ResultPointer) -> None:
    logger.append_keys(image_id=str(told.image_id))
    recorded = record_stored(told.image_id, told.result_key)
    logger.info("a result was recorded" if recorded else "a result came for an image that is deleted")


def _note(told: DeliveryAttempt) -> None:
    logger.append_keys(delivery_id=str(told.delivery_id))
    known = record_attempt(
        told.delivery_id,
        attempt=told.attempt,
        at=told.at,
        status_code=told.status_code,
        problem=told.problem,
        duration_ms=told.duration_ms,
        answer=told.answer,
        given_up=told.given_up,
    )
    logger.info("an attempt was recorded" if known else "an attempt was made at a delivery that is deleted")


def _hold(told: HeldImage) -> None:
    logger.append_keys(image_id=str(told.image_id))
    month = date.fromisoformat(f"{told.month}-01")
    waits = hold(told.image_id, Hold(told.reason.value), month, told.held_at)
    logger.info("an image waits for a budget" if waits else "an image was held back that does not wait any more")


def _import_all(objects: Iterable[CreatedObject]) -> None:
    for created in objects:
        if created.bucket != settings.UPLOADS_BUCKET:
            logger.warning("an object of another bucket was passed over", extra={"bucket": created.bucket})
            continue
        image = import_object(created.key)
        if image is not None:
            logger.info("a file was imported", extra={"image_id": str(image.pk), "owner_id": image.owner_id})
