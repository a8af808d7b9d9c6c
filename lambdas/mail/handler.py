"""Entry point of `mail`: a batch of the queue's messages, each holding S3's word of new mail in the outbox."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from lambdas.batches import ExplainedFailure, Message, each_message
from lambdas.clients import Clients
from lambdas.config import MailConfig
from lambdas.logs import make_logger
from lambdas.mail.sending import FOLDER, MailError, Sending
from lambdas.s3_events import created_objects

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = make_logger()


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    """Answers with the ids of the messages that failed: they come again, and at last end in the dead-letter queue."""
    return each_message(event, _send_all, logger)


def _send_all(message: Message) -> None:
    for created in created_objects(message["body"]):
        logger.append_keys(mail=created.key)
        if not created.key.startswith(FOLDER):
            logger.warning("an object that is no mail was passed over")
            continue
        try:
            sent = _sending().send(created.key)
        except MailError as error:
            raise ExplainedFailure(str(error)) from None
        logger.info("mail sent" if sent else "mail was sent before")


@cache
def _sending() -> Sending:
    config, clients = MailConfig.from_environment(), Clients()
    return Sending(clients.s3, clients.sesv2, config.derived_bucket)
