"""A queue that feeds a function."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.function import Function
from infra.naming import Names


@dataclass(frozen=True, kw_only=True)
class FeedArgs:
    """`at_once` bounds how many batches are worked on at the same time; AWS takes no fewer than two.

    `window_seconds` is how long Lambda may wait for a batch to fill.
    """

    names: Names
    queue: aws.sqs.Queue
    function: Function
    batch_size: int
    at_once: int
    window_seconds: int = 0


class Feed(pulumi.ComponentResource):
    """Messages that the function names as failed come back; the others of the batch are done."""

    def __init__(self, name: str, args: FeedArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:feed:Feed", name, None, opts)
        self.mapping = aws.lambda_.EventSourceMapping(
            name,
            event_source_arn=args.queue.arn,
            function_name=args.function.name,
            batch_size=args.batch_size,
            maximum_batching_window_in_seconds=args.window_seconds,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config={"maximum_concurrency": args.at_once},
            tags=args.names.tagged(name),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
