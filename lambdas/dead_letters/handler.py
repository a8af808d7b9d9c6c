"""Entry point of `dead_letters`: what ended in recognize's dead-letter queue becomes a result, and an alarm."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import Metrics, MetricUnit

from lambdas.batches import ExplainedFailure, Message, each_message
from lambdas.clients import Clients
from lambdas.config import DeadLettersConfig
from lambdas.dead_letters.giving_up import GivingUp
from lambdas.logs import make_logger
from lambdas.places import ImagePlace
from lambdas.s3_events import UnreadableEvent, created_objects

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = make_logger()
metrics = Metrics(namespace="ImageSift")
metrics.set_default_dimensions(service="dead_letters")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers with the ids of the messages that cannot be read, which stay in the queue for somebody to look at."""
    # Of this stack's function: another stack's alarm must not hear of it.
    metrics.add_dimension(name="function", value=context.function_name)
    answer = each_message(event, _give_up, logger)
    # What cannot be read comes again and again, and has an alarm of its own.
    handled = len(event["Records"]) - len(answer["batchItemFailures"])
    metrics.add_metric(name="DeadLetters", unit=MetricUnit.Count, value=handled)
    return answer


def _give_up(message: Message) -> None:
    try:
        objects = created_objects(message["body"])
    except UnreadableEvent as error:
        raise ExplainedFailure(str(error)) from error
    for created in objects:
        place = ImagePlace.of_upload(created.key)
        if place is None:
            raise ExplainedFailure(f"“{created.key}” is no upload.")
        logger.append_keys(image_id=str(place.image_id), owner_id=place.owner_id)
        has_failed = _giving_up().give_up(place, created)
        logger.warning("gave up on an image" if has_failed else "an image has its result after all")


@cache
def _giving_up() -> GivingUp:
    config, clients = DeadLettersConfig.from_environment(), Clients()
    return GivingUp(clients.s3, clients.sqs, config.derived_bucket, config.ingest_queue_url)
