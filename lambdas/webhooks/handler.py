"""Entry point of `webhooks`: a batch of the queue's messages, each holding S3's word of a delivery in the outbox."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.batches import ExplainedFailure, Message, each_message
from lambdas.clients import Clients
from lambdas.config import WebhooksConfig
from lambdas.logs import make_logger
from lambdas.s3_events import UnreadableEvent, created_objects
from lambdas.webhooks.delivering import FOLDER, Delivering
from webhooks.messages import MessageError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = make_logger()


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    """Answers with the ids of the messages whose delivery is to be tried again, each hidden until that is due.

    All go out at once: a server that lets us wait keeps nobody else's delivery waiting.
    """
    with ThreadPoolExecutor(len(event["Records"])) as pool:
        answers = pool.map(lambda message: each_message({"Records": [message]}, _deliver, logger), event["Records"])
        return {"batchItemFailures": [failure for answer in answers for failure in answer["batchItemFailures"]]}


def _deliver(message: Message) -> None:
    try:
        objects = created_objects(message["body"])
    except UnreadableEvent as error:
        raise ExplainedFailure(str(error)) from error
    for created in objects:
        logger.thread_safe_append_keys(delivery=created.key)
        if not created.key.startswith(FOLDER):
            logger.warning("an object that is no delivery was passed over")
            continue
        _attempt(created.key, message)


def _attempt(key: str, message: Message) -> None:
    number = int(message["attributes"]["ApproximateReceiveCount"])
    try:
        attempt = _delivering().deliver(key, number)
    except MessageError as error:
        raise ExplainedFailure(str(error)) from None
    if attempt is None:
        logger.info("a delivery that is over was passed over")
    elif attempt.wait is not None:
        _delivering().hide(message["receiptHandle"], attempt.wait)
        raise ExplainedFailure(f"attempt {number}: {attempt.problem} The next is due in {attempt.wait}.")
    elif attempt.problem:
        logger.warning("given up after attempt %s: %s", number, attempt.problem)
    else:
        logger.info("delivered")


@cache
def _delivering() -> Delivering:
    config, clients = WebhooksConfig.from_environment(), Clients()
    return Delivering(clients.s3, clients.sqs, config)
