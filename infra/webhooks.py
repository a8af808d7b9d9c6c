"""What tells other people's programs of images, at addresses that they have registered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pulumi

from infra.feed import Feed, FeedArgs
from infra.function import Function, FunctionArgs, Surroundings
from infra.permissions import Statement, consumes, may_be_told_apart_from_denied, on_objects, sends
from infra.storage import Storage
from infra.timeouts import WEBHOOKS_SECONDS
from infra.work_queue import WorkQueue

_MEMORY_MB = 256
# All of a batch go out at once, so that one program that does not answer keeps nobody else waiting.
_BATCH = 10
_AT_ONCE = 2


@dataclass(frozen=True, kw_only=True)
class WebhooksArgs:
    surroundings: Surroundings
    archive: Path
    storage: Storage
    queue: WorkQueue
    ingest_queue: WorkQueue


class Webhooks(pulumi.ComponentResource):
    """Takes deliveries from the outbox, sends them into the internet, and tells the portal how each attempt went."""

    def __init__(self, name: str, args: WebhooksArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:webhooks:Webhooks", name, None, opts)
        inside = pulumi.ResourceOptions(parent=self)
        derived, queue = args.storage.derived, args.queue.queue
        self.function = Function(
            name,
            FunctionArgs(
                surroundings=args.surroundings,
                purpose="webhooks",
                archive=args.archive,
                environment={
                    "DERIVED_BUCKET": derived.name,
                    "WEBHOOKS_QUEUE_URL": queue.url,
                    "INGEST_QUEUE_URL": args.ingest_queue.queue.url,
                },
                statements=[
                    on_objects(derived.arn, "outbox/webhooks/*", "Get", "Delete"),
                    may_be_told_apart_from_denied(derived.arn),
                    consumes(queue.arn),
                    # Decides itself when a delivery is due again.
                    Statement(actions=["sqs:ChangeMessageVisibility"], resources=[queue.arn]),
                    sends(args.ingest_queue.queue.arn),
                ],
                timeout_seconds=WEBHOOKS_SECONDS,
                memory_mb=_MEMORY_MB,
                # `ingest`, which hears of each attempt, may let held images go on, whose deliveries come here.
                calls_itself_back=True,
            ),
            inside,
        )
        Feed(
            name,
            FeedArgs(
                names=args.surroundings.names, queue=queue, function=self.function, batch_size=_BATCH, at_once=_AT_ONCE
            ),
            inside,
        )
        self.register_outputs({})
