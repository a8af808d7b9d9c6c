"""A queue of work and the queue of what could not be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from infra.naming import Names
from infra.permissions import Statement, document, only_with_tls

_KEPT_SECONDS = 14 * 24 * 3600
# AWS: a message must stay hidden for six times as long as the function that works on it may take.
_VISIBILITY_FACTOR = 6


@dataclass(frozen=True, kw_only=True)
class WorkQueueArgs:
    """`timeout_seconds` is that of the function that the queue feeds, `dead_timeout_seconds` of the dead letters'.

    `filled_by` are buckets, by a word of our own for each, that may announce their new objects here; `told_by` are
    rules of EventBridge.
    """

    names: Names
    purpose: str
    timeout_seconds: int
    max_receive_count: int
    dead_timeout_seconds: int
    filled_by: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    told_by: Sequence[pulumi.Input[str]] = ()


class WorkQueue(pulumi.ComponentResource):
    """Encrypted, reachable with TLS only; what failed too often waits in `dead` for two weeks."""

    def __init__(self, name: str, args: WorkQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:queues:WorkQueue", name, None, opts)
        self._args = args
        self.dead = self._queue(f"{name}-dead", f"{args.purpose}-dead", args.dead_timeout_seconds)
        redrive = {"deadLetterTargetArn": self.dead.arn, "maxReceiveCount": args.max_receive_count}
        self.queue = self._queue(name, args.purpose, args.timeout_seconds, pulumi.Output.json_dumps(redrive))
        aws.sqs.RedriveAllowPolicy(
            name,
            queue_url=self.dead.url,
            redrive_allow_policy=pulumi.Output.json_dumps(
                {"redrivePermission": "byQueue", "sourceQueueArns": [self.queue.arn]}
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._close(f"{name}-dead", self.dead, [])
        buckets = [self._announces(arn) for arn in args.filled_by.values()]
        self.policy = self._close(name, self.queue, [*buckets, *([self._tells(args.told_by)] if args.told_by else [])])
        self.register_outputs({"url": self.queue.url})

    def _queue(
        self, name: str, purpose: str, timeout_seconds: int, redrive_policy: pulumi.Output[str] | None = None
    ) -> aws.sqs.Queue:
        return aws.sqs.Queue(
            name,
            name=self._args.names.of(purpose),
            visibility_timeout_seconds=_VISIBILITY_FACTOR * timeout_seconds,
            message_retention_seconds=_KEPT_SECONDS,
            sqs_managed_sse_enabled=True,
            redrive_policy=redrive_policy,
            tags=self._args.names.tagged(purpose),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _announces(self, bucket_arn: pulumi.Input[str]) -> Statement:
        return Statement(
            principal={"Service": "s3.amazonaws.com"},
            actions=["sqs:SendMessage"],
            resources=[self.queue.arn],
            condition={
                "ArnEquals": {"aws:SourceArn": bucket_arn},
                "StringEquals": {"aws:SourceAccount": self._args.names.account},
            },
        )

    def _tells(self, rule_arns: Sequence[pulumi.Input[str]]) -> Statement:
        return Statement(
            principal={"Service": "events.amazonaws.com"},
            actions=["sqs:SendMessage"],
            resources=[self.queue.arn],
            condition={"ArnEquals": {"aws:SourceArn": list(rule_arns)}},
        )

    def _close(self, name: str, queue: aws.sqs.Queue, admitted: Sequence[Statement]) -> aws.sqs.QueuePolicy:
        return aws.sqs.QueuePolicy(
            name,
            queue_url=queue.url,
            policy=document([*admitted, only_with_tls("sqs:*", [queue.arn])]),
            opts=pulumi.ResourceOptions(parent=self),
        )
