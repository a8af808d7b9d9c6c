"""What a person should be told of, and the topic that tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.naming import Names
from infra.permissions import Statement, document, only_with_tls

_FIVE_MINUTES = 300


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Alarm when `statistic` of the metric is `threshold` or more, `periods` times in a row."""

    name: str
    description: str
    namespace: str
    metric: str
    dimensions: Mapping[str, pulumi.Input[str]]
    statistic: str
    threshold: float
    periods: int = 1
    period_seconds: int = _FIVE_MINUTES


@dataclass(frozen=True, kw_only=True)
class AlarmsArgs:
    names: Names
    email: str | None
    watches: Sequence[Watch]


class Alarms(pulumi.ComponentResource):
    """Each watch is an alarm that tells the topic when it starts and when it is over."""

    def __init__(self, name: str, args: AlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:alarms:Alarms", name, None, opts)
        self._args = args
        self._inside = pulumi.ResourceOptions(parent=self)
        # Not encrypted with AWS's own key for topics: CloudWatch and AWS Budgets may not use that. Nothing in an alarm
        # is anybody's.
        self.topic = aws.sns.Topic(
            name, name=args.names.of("alarms"), tags=args.names.tagged("alarms"), opts=self._inside
        )
        self.policy = aws.sns.TopicPolicy(
            name, arn=self.topic.arn, policy=document(self._statements()), opts=self._inside
        )
        if args.email is not None:
            aws.sns.TopicSubscription(
                name, topic=self.topic.arn, protocol="email", endpoint=args.email, opts=self._inside
            )
        self.alarms = [alarm(args.names, watch, self._inside) for watch in args.watches]
        self.register_outputs({})

    def _statements(self) -> list[Statement]:
        publishers = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
        return [
            Statement(
                principal={"Service": publishers},
                actions=["sns:Publish"],
                resources=[self.topic.arn],
                condition={"StringEquals": {"aws:SourceAccount": self._args.names.account}},
            ),
            only_with_tls("sns:Publish", [self.topic.arn]),
        ]


def topic_arn(names: Names) -> str:
    """Of the stack's alarms, known before the topic is there: what serves a model has its alarms first."""
    return names.arn("sns", names.of("alarms"))


def alarm(names: Names, watch: Watch, opts: pulumi.ResourceOptions) -> aws.cloudwatch.MetricAlarm:
    """An alarm that tells the topic."""
    return aws.cloudwatch.MetricAlarm(
        watch.name,
        name=names.of(watch.name),
        alarm_description=watch.description,
        namespace=watch.namespace,
        metric_name=watch.metric,
        dimensions=watch.dimensions,
        statistic=watch.statistic,
        period=watch.period_seconds,
        evaluation_periods=watch.periods,
        threshold=watch.threshold,
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="notBreaching",
        alarm_actions=[topic_arn(names)],
        ok_actions=[topic_arn(names)],
        tags=names.tagged(watch.name),
        opts=opts,
    )
