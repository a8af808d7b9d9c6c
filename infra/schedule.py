"""The sweep, every few hours, for when nobody is there to set one off."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.function import Function
from infra.naming import Names


@dataclass(frozen=True, kw_only=True)
class ScheduleArgs:
    names: Names
    manage: Function
    hours: int


class Schedule(pulumi.ComponentResource):
    """Runs `manage.py sweep`."""

    def __init__(self, name: str, args: ScheduleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:schedule:Schedule", name, None, opts)
        inside = pulumi.ResourceOptions(parent=self)
        rule = aws.cloudwatch.EventRule(
            name,
            name=args.names.of("sweep"),
            description="Finds ImageSift's stuck images",
            schedule_expression=f"rate({args.hours} hour{'s' if args.hours > 1 else ''})",
            tags=args.names.tagged("sweep"),
            opts=inside,
        )
        permission = aws.lambda_.Permission(
            name,
            function=args.manage.name,
            action="lambda:InvokeFunction",
            principal="events.amazonaws.com",
            source_arn=rule.arn,
            opts=inside,
        )
        aws.cloudwatch.EventTarget(
            name,
            rule=rule.name,
            arn=args.manage.arn,
            input=json.dumps({"command": "sweep"}),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )
        self.register_outputs({})
