"""Entry point of `train`: a batch of the queue's messages, each holding S3's word of an order in the outbox."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.batches import ExplainedFailure, Message, each_message
from lambdas.clients import Clients
from lambdas.config import TrainConfig
from lambdas.logs import make_logger
from lambdas.s3_events import UnreadableEvent, created_objects
from lambdas.train.ordering import Ordering
from lambdas.train.orders import FOLDER, OrderError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = make_logger()


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    """Answers with the ids of the messages that failed: they come again, and at last end in the dead-letter queue."""
    return each_message(event, _take_all, logger)


def _take_all(message: Message) -> None:
    try:
        objects = created_objects(message["body"])
    except UnreadableEvent as error:
        raise ExplainedFailure(str(error)) from error
    for created in objects:
        logger.append_keys(order=created.key)
        if not created.key.startswith(FOLDER):
            logger.warning("an object that is no order was passed over")
            continue
        _take(created.key)


def _take(key: str) -> None:
    try:
        answer = _ordering().take(key)
    except OrderError as error:
        raise ExplainedFailure(str(error)) from None
    if answer is None:
        logger.info("an order that is done was passed over")
    elif answer.problem:
        logger.warning("refused: %s", answer.problem)
    else:
        logger.info("done")


@cache
def _ordering() -> Ordering:
    config, clients = TrainConfig.from_environment(), Clients()
    return Ordering(clients.s3, clients.sqs, clients.sagemaker, config)
