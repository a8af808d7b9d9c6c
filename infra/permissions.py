"""Permissions as data: who may do what to which resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from infra.naming import Names


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a policy. Every statement names its actions; wildcards in them are for denials alone."""

    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]]
    condition: Mapping[str, Mapping[str, pulumi.Input[Any]]] | None = None
    principal: Mapping[str, pulumi.Input[Any]] | str | None = None
    effect: str = "Allow"

    def __post_init__(self) -> None:
        if not self.actions or not self.resources:
            raise ValueError("A statement names at least one action and one resource.")
        if self.effect == "Allow" and any("*" in action for action in self.actions):
            raise ValueError(f"A statement that allows names its actions in full, unlike {', '.join(self.actions)}.")

    def as_json(self) -> dict[str, Any]:
        """The statement as IAM writes it, with outputs still in it."""
        optional = {"Principal": self.principal, "Condition": self.condition}
        return {
            "Effect": self.effect,
            "Action": list(self.actions),
            "Resource": list(self.resources),
            **{key: value for key, value in optional.items() if value is not None},
        }


def document(statements: Sequence[Statement]) -> pulumi.Output[str]:
    """A policy document."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [each.as_json() for each in statements]})


def trusts(service: str) -> pulumi.Output[str]:
    """The trust policy of a role that an AWS service takes on."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [statement]})


def only_with_tls(action: str, resources: Sequence[pulumi.Input[str]]) -> Statement:
    """Refuses everybody whose request is not encrypted on its way."""
    return Statement(
        effect="Deny",
        principal="*",
        actions=[action],
        resources=resources,
        condition={"Bool": {"aws:SecureTransport": "false"}},
    )


def may_be_told_apart_from_denied(bucket_arn: pulumi.Input[str]) -> Statement:
    """Lets S3 answer 404 rather than 403 for a key that is not there.

    A condition on `s3:prefix` would undo that: a GetObject carries no prefix, so the condition would never hold.
    """
    return Statement(actions=["s3:ListBucket"], resources=[bucket_arn])


# AWS knows no resource for these.
TRACING = Statement(actions=["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources=["*"])


def network_interfaces(names: Names) -> list[Statement]:
    """What Lambda does with the role of a function that runs in a network.

    It makes the interfaces before anybody knows their ids: AWS wants the rights on all of the account's, and the
    description, which knows no resource, on everything.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
    """
    return [
        Statement(
            actions=["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"], resources=[names.arn("ec2", "*/*")]
        ),
        Statement(actions=["ec2:DescribeNetworkInterfaces"], resources=["*"]),
    ]


def consumes(queue_arn: pulumi.Input[str]) -> Statement:
    """What an event source mapping does with the role of the function that it feeds."""
    return Statement(
        actions=["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], resources=[queue_arn]
    )


def sends(*queue_arns: pulumi.Input[str]) -> Statement:
    """May put messages on queues."""
    return Statement(actions=["sqs:SendMessage"], resources=queue_arns)


def on_objects(bucket_arn: pulumi.Input[str], prefix: str, *verbs: str) -> Statement:
    """May `Get`, `Put`, `Delete` the objects below a prefix of a bucket."""
    return Statement(
        actions=[f"s3:{verb}Object" for verb in verbs], resources=[pulumi.Output.concat(bucket_arn, "/", prefix)]
    )


def on_all_objects(bucket_arn: pulumi.Input[str], prefixes: Sequence[str], *verbs: str) -> Statement:
    """The same below several prefixes."""
    return Statement(
        actions=[f"s3:{verb}Object" for verb in verbs],
        resources=[pulumi.Output.concat(bucket_arn, "/", prefix) for prefix in prefixes],
    )


def may_give_up_writing(bucket_arn: pulumi.Input[str], prefix: str) -> Statement:
    """May take back the parts of an object that will not be completed."""
    return Statement(actions=["s3:AbortMultipartUpload"], resources=[pulumi.Output.concat(bucket_arn, "/", prefix)])
