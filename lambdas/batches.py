"""A queue's batch, message by message, so that only those that failed come again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

Message = Mapping[str, Any]


class ExplainedFailure(Exception):
    """A message that failed for a reason whose text may be logged as it is, without a traceback."""


def each_message(event: Mapping[str, Any], work: Callable[[Message], None], logger: Logger) -> dict[str, Any]:
    """Do `work` for each message, in order; answers SQS with the ids of those that raised (ReportBatchItemFailures)."""
    failures = []
    for message in event["Records"]:
        try:
            work(message)
        except ExplainedFailure as error:
            logger.error("message %s failed: %s", message["messageId"], error)
            failures.append({"itemIdentifier": message["messageId"]})
        except Exception:
            logger.exception("message %s failed", message["messageId"])
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}
