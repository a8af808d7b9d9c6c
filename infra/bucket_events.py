"""What new objects set in motion."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.function import Function
from infra.naming import Names
from infra.queues import Queues
from infra.storage import Storage
from infra.work_queue import WorkQueue

_CREATED = ["s3:ObjectCreated:*"]


@dataclass(frozen=True, kw_only=True)
class BucketEventsArgs:
    names: Names
    storage: Storage
    queues: Queues
    manage: Function


class BucketEvents(pulumi.ComponentResource):
    """Uploads are recognised, imports taken in, letters and webhooks sent, models trained, exports made."""

    def __init__(self, name: str, args: BucketEventsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:events:BucketEvents", name, None, opts)
        self._args = args
        self._of_uploads()
        self._of_derived()
        self.register_outputs({})

    def _of_uploads(self) -> None:
        queues = self._args.queues
        aws.s3.BucketNotification(
            "uploads",
            bucket=self._args.storage.uploads.name,
            queues=[_to(queues.recognize, "uploads/"), _to(queues.ingest, "imports/")],
            # S3 sends each queue a test and refuses the lot if one does not take it.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[queues.recognize.policy, queues.ingest.policy]),
        )

    def _of_derived(self) -> None:
        queues, manage = self._args.queues, self._args.manage
        admitted = self._admit(manage)
        told = [(queues.webhooks, "outbox/webhooks/"), (queues.train, "outbox/training/")]
        if queues.mail is not None:
            told.append((queues.mail, "outbox/mail/"))
        aws.s3.BucketNotification(
            "derived",
            bucket=self._args.storage.derived.name,
            queues=[_to(queue, prefix) for queue, prefix in told],
            lambda_functions=[
                {"lambda_function_arn": manage.arn, "events": _CREATED, "filter_prefix": "outbox/exports/"}
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[admitted, *(queue.policy for queue, _ in told)]),
        )

    def _admit(self, manage: Function) -> aws.lambda_.Permission:
        return aws.lambda_.Permission(
            "exports",
            function=manage.name,
            action="lambda:InvokeFunction",
            principal="s3.amazonaws.com",
            source_arn=self._args.storage.derived.arn,
            source_account=self._args.names.account,
            opts=pulumi.ResourceOptions(parent=self),
        )


def _to(queue: WorkQueue, prefix: str) -> aws.s3.BucketNotificationQueueArgs:
    return aws.s3.BucketNotificationQueueArgs(queue_arn=queue.queue.arn, events=_CREATED, filter_prefix=prefix)
