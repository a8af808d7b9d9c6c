"""What sends the portal's mail, when the stack names a sender."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra.feed import Feed, FeedArgs
from infra.function import Function, FunctionArgs, Surroundings
from infra.naming import Names
from infra.permissions import Statement, consumes, may_be_told_apart_from_denied, on_objects
from infra.storage import Storage
from infra.timeouts import MAIL_SECONDS
from infra.work_queue import WorkQueue

_MEMORY_MB = 256
_BATCH = 10
_AT_ONCE = 2


@dataclass(frozen=True, kw_only=True)
class MailArgs:
    """`sender` is an address, or a name and an address: `ImageSift <photos@example.com>`."""

    surroundings: Surroundings
    archive: Path
    storage: Storage
    queue: WorkQueue
    sender: str


class Mail(pulumi.ComponentResource):
    """Takes letters from the outbox and gives them to SES, from one sender's address alone."""

    def __init__(self, name: str, args: MailArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:mail:Mail", name, None, opts)
        inside = pulumi.ResourceOptions(parent=self)
        names, derived = args.surroundings.names, args.storage.derived
        _, address = parseaddr(args.sender)
        aws.sesv2.EmailIdentity(name, email_identity=address, tags=names.tagged("mail"), opts=inside)
        self.function = Function(
            name,
            FunctionArgs(
                surroundings=args.surroundings,
                purpose="mail",
                archive=args.archive,
                environment={"DERIVED_BUCKET": derived.name},
                statements=[
                    on_objects(derived.arn, "outbox/mail/*", "Get", "Delete"),
                    may_be_told_apart_from_denied(derived.arn),
                    consumes(args.queue.queue.arn),
                    _sends_as(names, address),
                ],
                timeout_seconds=MAIL_SECONDS,
                memory_mb=_MEMORY_MB,
            ),
            inside,
        )
        Feed(
            name,
            FeedArgs(names=names, queue=args.queue.queue, function=self.function, batch_size=_BATCH, at_once=_AT_ONCE),
            inside,
        )
        self.register_outputs({})


def _sends_as(names: Names, address: str) -> Statement:
    """Limited by the sender rather than by its identity alone.

    While an account is in the SES sandbox, AWS asks for the right to the recipient's identity as well.
    """
    return Statement(
        # What the API calls SendEmail is this, for a message that is ready-made.
        actions=["ses:SendRawEmail"],
        resources=[names.arn("ses", "identity/*")],
        condition={"StringEquals": {"ses:FromAddress": address}},
    )
