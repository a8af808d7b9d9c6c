"""Which signs of trouble the alarms look for."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from infra.address import Address
from infra.alarms import Watch
from infra.database import Database
from infra.function import Function
from infra.work_queue import WorkQueue

_OLDEST_SECONDS = 3600
# The attempts to deliver a webhook take most of a day, if need be.
_OLDEST_WEBHOOK_SECONDS = 24 * 3600
_FULL_PERCENT = 90


def dead_letters_watch(function: Function) -> Watch:
    """The function `dead_letters` counts in this metric what it gave up on."""
    return Watch(
        name="dead-letters",
        description="Images could not be recognised after several attempts. The portal shows why and offers to retry.",
        namespace="ImageSift",
        metric="DeadLetters",
        dimensions={"service": "dead_letters", "function": function.name},
        statistic="Sum",
        threshold=1,
    )


def queue_watches(queue: WorkQueue, purpose: str) -> list[Watch]:
    """A backlog that does not move, and messages that nobody could do anything with."""
    oldest_seconds = _OLDEST_WEBHOOK_SECONDS if purpose == "webhooks" else _OLDEST_SECONDS

    def watch(name: str, description: str, metric: str, watched: pulumi.Input[str], threshold: float) -> Watch:
        return Watch(
            name=f"{purpose}-{name}",
            description=description,
            namespace="AWS/SQS",
            metric=metric,
            dimensions={"QueueName": watched},
            statistic="Maximum",
            threshold=threshold,
            periods=2,
        )

    return [
        watch(
            "old-messages",
            f"The oldest message of the queue {purpose} has waited for {_hours(oldest_seconds)}.",
            "ApproximateAgeOfOldestMessage",
            queue.queue.name,
            oldest_seconds,
        ),
        watch(
            "dead-queue",
            f"Messages of the queue {purpose} ended among its dead letters and stay there.",
            "ApproximateNumberOfMessagesVisible",
            queue.dead.name,
            1,
        ),
    ]


def _hours(seconds: int) -> str:
    hours = seconds // 3600
    return "an hour" if hours == 1 else f"{hours} hours"


def function_watches(function: Function, purpose: str) -> list[Watch]:
    """Errors and throttles of a function."""

    def watch(metric: str, description: str, threshold: float) -> Watch:
        return Watch(
            name=f"{purpose}-{metric.lower()}",
            description=description,
            namespace="AWS/Lambda",
            metric=metric,
            dimensions={"FunctionName": function.name},
            statistic="Sum",
            threshold=threshold,
            periods=2,
        )

    return [
        watch("Errors", f"The function {purpose} fails.", 5),
        watch("Throttles", f"The function {purpose} is called more often than the account's concurrency allows.", 20),
    ]


def portal_watches(address: Address, database: Database) -> Sequence[Watch]:
    """Pages that fail, and a database at the end of its capacity."""
    return [
        Watch(
            name="portal-5xx",
            description="The portal answers with errors.",
            namespace="AWS/ApiGateway",
            metric="5xx",
            dimensions={"ApiId": address.api.id},
            statistic="Sum",
            threshold=5,
            periods=2,
        ),
        Watch(
            name="database-full",
            description="The database is at its largest capacity; databaseMaxCapacity sets it.",
            namespace="AWS/RDS",
            metric="ACUUtilization",
            dimensions={"DBClusterIdentifier": database.identifier},
            statistic="Average",
            threshold=_FULL_PERCENT,
            periods=3,
        ),
    ]
