"""The policy pack: the stack keeps every promise, and each rule notices a stack that breaks its promise."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy import (
    PolicyCustomTimeouts,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from infra.policies.pack import POLICIES
from tests.infra.recorder import Graph, Resource

ROOT = Path(__file__).resolve().parents[2]
EVERYTHING = "0.0.0.0/0"


@dataclass(frozen=True)
class Violation:
    rule: str
    urn: str | None


def violations(graph: Graph) -> list[Violation]:
    """What the whole pack has to say of a graph."""
    found: list[Violation] = []
    options = PolicyResourceOptions(False, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])
    for policy in POLICIES:
        if isinstance(policy, ResourceValidationPolicy):
            for each in graph.resources:
                args = ResourceValidationArgs(each.type, each.inputs, each.urn, each.name, options, None)
                policy.validate(args, lambda _, urn=None, each=each, policy=policy: found.append(  # type: ignore[misc]
                    Violation(policy.name, urn or each.urn)
                ))  # fmt: skip
        else:
            everything = [
                PolicyResource(each.type, each.state, each.urn, each.name, options, None, None, [], {})
                for each in graph.resources
            ]
            cast(StackValidationPolicy, policy).validate(
                StackValidationArgs(everything),
                lambda _, urn=None, policy=policy: found.append(Violation(policy.name, urn)),  # type: ignore[misc]
            )
    return found


def test_the_stack_keeps_every_promise(graph: Graph) -> None:
    assert violations(graph) == []


def put(**values: Any) -> Callable[[dict[str, Any]], None]:
    """Sets properties."""
    return lambda props: props.update(values)


def drop(name: str) -> Callable[[dict[str, Any]], None]:
    """Takes a property away."""
    return lambda props: props.pop(name)


def statement(**values: Any) -> Callable[[dict[str, Any]], None]:
    """Changes the first statement of a policy document."""

    def change(props: dict[str, Any]) -> None:
        document = json.loads(props["policy"])
        document["Statement"][0].update(values)
        props["policy"] = json.dumps(document)

    return change


def untagged(props: dict[str, Any]) -> None:
    props["tags"] = {key: value for key, value in props["tags"].items() if key != "stack"}


Change = Callable[[dict[str, Any]], None]
# The rule, the resource by type and name, and what is wrong with it.
BROKEN: list[tuple[str, str, str, Change]] = [
    ("no-public-bucket", "BucketPublicAccessBlock", "uploads", put(blockPublicPolicy=False)),
    ("no-public-bucket", "BucketPublicAccessBlock", "derived", drop("ignorePublicAcls")),
    ("no-public-bucket", "Bucket", "uploads", put(acl="public-read")),
    ("no-public-bucket", "BucketPolicy", "derived", statement(Effect="Allow", Action=["s3:GetObject"])),
    ("tls-only", "BucketPolicy", "uploads", statement(Condition={})),
    ("tls-only", "BucketPolicy", "uploads", statement(Principal={"AWS": "123456789012"})),
    ("tls-only", "QueuePolicy", "recognize-dead", statement(Condition={"Bool": {"aws:SecureTransport": "true"}})),
    ("tls-only", "TopicPolicy", "alarms", put(policy='{"Statement": []}')),
    ("tls-only", "Proxy", "proxy", put(requireTls=False)),
    ("encrypted-at-rest", "aws:sqs/queue:Queue", "ingest", put(sqsManagedSseEnabled=False)),
    ("encrypted-at-rest", "Cluster", "database", put(storageEncrypted=False)),
    ("no-wildcard-action", "aws:iam/rolePolicy:RolePolicy", "web", statement(Action=["s3:*"])),
    ("no-wildcard-action", "aws:iam/rolePolicy:RolePolicy", "web", statement(Action="s3:Get*")),
    ("no-wildcard-action", "aws:iam/rolePolicy:RolePolicy", "web", statement(NotAction=["s3:GetObject"])),
    ("no-wildcard-resource", "aws:iam/rolePolicy:RolePolicy", "recognize", statement(Resource="*")),
    ("no-wildcard-resource", "aws:iam/rolePolicy:RolePolicy", "recognize", statement(Resource=["arn:aws:s3:::a", "*"])),
    ("no-wildcard-resource", "aws:iam/rolePolicy:RolePolicy", "recognize", statement(NotResource=["arn:aws:s3:::a"])),
    ("logs-do-not-stay-for-ever", "LogGroup", "web", drop("retentionInDays")),
    ("tagged", "aws:lambda/function:Function", "web", untagged),
    ("tagged", "SecurityGroup", "database", drop("tags")),
    ("database-is-guarded", "ClusterInstance", "database-1", put(publiclyAccessible=True)),
    ("database-is-guarded", "Cluster", "database", put(backupRetentionPeriod=0)),
    ("database-is-guarded", "Cluster", "database", put(iamDatabaseAuthenticationEnabled=False)),
    ("database-is-guarded", "Cluster", "database", put(masterPassword="hunter2")),
    ("database-is-guarded", "Cluster", "database", put(deletionProtection=False)),
    ("no-way-out", "VpcEndpoint", "s3", put(vpcEndpointType="Interface")),
    ("no-way-out", "SecurityGroupEgressRule", "functions-to-s3", put(cidrIpv4=EVERYTHING)),
    ("no-way-out", "SecurityGroupIngressRule", "database-from-functions", put(cidrIpv6="::/0")),
    ("invoked-by-somebody-named", "Permission", "api", drop("sourceArn")),
    ("every-bucket-is-closed", "Bucket", "uploads", put(bucket="another")),
    ("every-queue-has-dead-letters", "aws:sqs/queue:Queue", "ingest", drop("redrivePolicy")),
    ("messages-stay-hidden-long-enough", "aws:sqs/queue:Queue", "recognize", put(visibilityTimeoutSeconds=359)),
    ("messages-stay-hidden-long-enough", "aws:lambda/function:Function", "mail", put(timeout=31)),
    ("every-function-has-its-log", "LogGroup", "web", put(name="/aws/lambda/another")),
]


@pytest.mark.parametrize(("rule", "kind", "name", "change"), BROKEN, ids=[f"{row[0]}:{row[2]}" for row in BROKEN])
def test_a_rule_notices_the_resource_that_breaks_it(
    full: Graph, rule: str, kind: str, name: str, change: Change
) -> None:
    broken = _changed(full, full.one(kind, name), change)
    assert rule in {each.rule for each in violations(broken)}


@pytest.mark.parametrize(
    ("rule", "kind", "name"),
    [
        ("every-bucket-is-closed", "BucketPublicAccessBlock", "derived"),
        ("every-bucket-is-closed", "BucketPolicy", "uploads"),
        ("every-bucket-is-closed", "BucketServerSideEncryptionConfiguration", "uploads"),
        ("every-bucket-is-closed", "BucketOwnershipControls", "uploads"),
        ("every-queue-is-closed", "QueuePolicy", "mail-dead"),
        ("every-function-has-its-log", "LogGroup", "manage"),
    ],
)
def test_a_rule_notices_what_is_missing(full: Graph, rule: str, kind: str, name: str) -> None:
    left = [each for each in full.resources if each is not full.one(kind, name)]
    assert {each.rule for each in violations(Graph(left))} == {rule}


@pytest.mark.parametrize(
    ("rule", "kind", "inputs"),
    [
        ("no-way-out", "aws:ec2/natGateway:NatGateway", {"subnetId": "subnet-1"}),
        ("no-way-out", "aws:ec2/internetGateway:InternetGateway", {"vpcId": "vpc-1"}),
        ("invoked-by-somebody-named", "aws:lambda/functionUrl:FunctionUrl", {"authorizationType": "NONE"}),
    ],
)
def test_a_rule_notices_what_should_not_be_there(full: Graph, rule: str, kind: str, inputs: dict[str, Any]) -> None:
    tags = full.one("Vpc", "network").inputs["tags"]
    added = Resource("urn:added", kind, "added", {**inputs, "tags": tags}, {**inputs, "tags": tags}, False, frozenset())
    assert violations(Graph([*full.resources, added])) == [Violation(rule, "urn:added")]


def test_every_rule_has_been_broken() -> None:
    marks = test_a_rule_notices_what_is_missing.pytestmark, test_a_rule_notices_what_should_not_be_there.pytestmark
    broken = {row[0] for row in BROKEN} | {row[0] for mark in marks for row in mark[0].args[1]}
    assert broken == {policy.name for policy in POLICIES}


def test_the_database_of_dev_may_go(plain: Graph) -> None:
    (cluster,) = plain.of_type("Cluster")
    assert cluster.inputs["deletionProtection"] is False
    assert violations(plain) == []


def _changed(graph: Graph, resource: Resource, change: Change) -> Graph:
    inputs, state = copy.copy(resource.inputs), copy.copy(resource.state)
    change(inputs)
    change(state)
    broken = replace(resource, inputs=inputs, state=state)
    return Graph([broken if each is resource else each for each in graph.resources])


@pytest.fixture
def running_pack() -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """The pack as Pulumi starts it: a process that says its port, and answers there."""
    process = subprocess.Popen(
        [sys.executable, "-u", str(ROOT / "infra" / "policies")], stdout=subprocess.PIPE, cwd=ROOT / "infra"
    )
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield analyzer_pb2_grpc.AnalyzerStub(channel)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def test_pulumi_can_run_the_pack_and_is_told_what_to_refuse(running_pack: Any, plain: Graph) -> None:
    block = plain.one("BucketPublicAccessBlock", "uploads")

    def diagnostics(**changes: Any) -> list[tuple[str, int]]:
        properties = struct_pb2.Struct()
        properties.update({**block.inputs, **changes})
        request = analyzer_pb2.AnalyzeRequest(type=block.type, urn=block.urn, name=block.name, properties=properties)
        answer = running_pack.Analyze(request)
        return [(each.policyName, each.enforcementLevel) for each in answer.diagnostics]

    assert diagnostics() == []
    assert diagnostics(blockPublicAcls=False) == [("no-public-bucket", analyzer_pb2.MANDATORY)]
