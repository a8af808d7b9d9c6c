"""One Lambda function with its role, its rights and its logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra.naming import Names
from infra.permissions import TRACING, Statement, document, network_interfaces, trusts

_RUNTIME = "python3.13"
_ARCHITECTURE = "arm64"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where in the stack's network a function runs."""

    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What all functions of a stack have in common."""

    names: Names
    log_level: str
    log_retention_days: int
    tracing: bool


@dataclass(frozen=True, kw_only=True)
class FunctionArgs:
    """`purpose` is the folder below lambdas/. Without a placement the function runs outside the network.

    The function is made, or given new code, after the resources in `after`. `calls_itself_back`: what it sends may
    reach it again, any number of times.
    """

    surroundings: Surroundings
    purpose: str
    archive: Path
    environment: Mapping[str, pulumi.Input[str]]
    statements: Sequence[Statement]
    timeout_seconds: int
    memory_mb: int
    placement: Placement | None = None
    reserved_concurrency: int | None = None
    after: Sequence[pulumi.Resource] = ()
    calls_itself_back: bool = False


class Function(pulumi.ComponentResource):
    """python3.13 on arm64; its role may do what `statements` say, write its own log, and nothing else."""

    def __init__(self, name: str, args: FunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:function:Function", name, None, opts)
        self.timeout_seconds = args.timeout_seconds
        self._args = args
        self._names = args.surroundings.names
        # Before the function: Lambda itself would make a group that keeps logs for ever.
        self.log_group = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/lambda/{self._names.of(args.purpose)}",
            retention_in_days=args.surroundings.log_retention_days,
            tags=self._names.tagged(args.purpose),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.role = self._make_role(name)
        rights = aws.iam.RolePolicy(
            name,
            name="rights",
            role=self.role.name,
            policy=document(self._statements()),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.function = self._make_function(name, rights)
        if args.calls_itself_back:
            self._allow_loops(name)
        self.name = self.function.name
        self.arn = self.function.arn
        self.register_outputs({"name": self.name})

    def _make_role(self, name: str) -> aws.iam.Role:
        return aws.iam.Role(
            name,
            name=self._names.of(self._args.purpose),
            assume_role_policy=trusts("lambda.amazonaws.com"),
            tags=self._names.tagged(self._args.purpose),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _statements(self) -> list[Statement]:
        logs = Statement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[pulumi.Output.concat(self.log_group.arn, ":*")],
        )
        return [
            *self._args.statements,
            logs,
            *(network_interfaces(self._names) if self._args.placement else []),
            *([TRACING] if self._args.surroundings.tracing else []),
        ]

    def _make_function(self, name: str, rights: aws.iam.RolePolicy) -> aws.lambda_.Function:
        args, around = self._args, self._args.surroundings
        return aws.lambda_.Function(
            name,
            name=self._names.of(args.purpose),
            role=self.role.arn,
            code=pulumi.FileArchive(str(args.archive)),
            handler=f"lambdas.{args.purpose}.handler.handle",
            runtime=_RUNTIME,
            architectures=[_ARCHITECTURE],
            timeout=args.timeout_seconds,
            memory_size=args.memory_mb,
            reserved_concurrent_executions=args.reserved_concurrency,
            environment={
                "variables": {
                    **args.environment,
                    "LOG_LEVEL": around.log_level,
                    "POWERTOOLS_SERVICE_NAME": args.purpose,
                }
            },
            tracing_config={"mode": "Active" if around.tracing else "PassThrough"},
            vpc_config=_vpc(args.placement),
            tags=self._names.tagged(args.purpose),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[rights, self.log_group, *args.after]),
        )

    def _allow_loops(self, name: str) -> None:
        """After sixteen rounds Lambda would take what is on its way for a loop gone wild, and drop it as a dead letter.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
        """
        aws.lambda_.FunctionRecursionConfig(
            name,
            function_name=self.function.name,
            recursive_loop="Allow",
            opts=pulumi.ResourceOptions(parent=self),
        )


def _vpc(placement: Placement | None) -> aws.lambda_.FunctionVpcConfigArgs | None:
    if placement is None:
        return None
    return aws.lambda_.FunctionVpcConfigArgs(
        subnet_ids=placement.subnet_ids, security_group_ids=[placement.security_group_id]
    )
