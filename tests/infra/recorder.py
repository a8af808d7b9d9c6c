"""Runs the Pulumi program without Pulumi's engine and records every resource with its resolved inputs."""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pulumi
from pulumi.runtime import mocks, rpc
from pulumi.runtime.settings import set_root_resource
from pulumi.runtime.stack import run_in_stack

from infra.config import from_values
from infra.stack import Archives, Stack

ACCOUNT = "123456789012"
REGION = "eu-central-1"
_ZONES = [f"{REGION}{letter}" for letter in "abc"]


@dataclass(frozen=True)
class Resource:
    """`type` as Pulumi writes it, `aws:sqs/queue:Queue`; `inputs` and `state` with Pulumi's names."""

    urn: str
    type: str
    name: str
    inputs: dict[str, Any]
    state: dict[str, Any]
    protected: bool
    after: frozenset[str]


@dataclass
class Graph:
    """What one configuration makes, in the order in which it was asked for."""

    resources: list[Resource] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    def of_type(self, kind: str) -> list[Resource]:
        """By the last part of the type, `Queue`, or by the whole of it where that is not unique."""
        return [each for each in self.resources if kind in (each.type, each.type.rsplit(":", 1)[-1])]

    def one(self, kind: str, name: str) -> Resource:
        """By type and logical name."""
        (found,) = [each for each in self.of_type(kind) if each.name == name]
        return found

    def policies(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every policy document of the graph, by the resource that carries it."""
        for each in self.resources:
            for key in ("policy", "assumeRolePolicy"):
                if key in each.inputs:
                    yield f"{each.type} {each.name}", json.loads(each.inputs[key])

    def statements(self, role: str) -> list[dict[str, Any]]:
        """What the role of a function may do."""
        return json.loads(self.one("aws:iam/rolePolicy:RolePolicy", role).inputs["policy"])["Statement"]

    def environment(self, function: str) -> dict[str, str]:
        return self.one("aws:lambda/function:Function", function).inputs["environment"]["variables"]


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


# What AWS would add to the inputs, by type.
_ANSWERS: dict[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
    "aws:s3/bucket:Bucket": lambda inputs, _: {"arn": f"arn:aws:s3:::{inputs['bucket']}"},
    "aws:sqs/queue:Queue": lambda inputs, _: {
        "arn": _arn("sqs", inputs["name"]),
        "url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{inputs['name']}",
    },
    "aws:lambda/function:Function": lambda inputs, _: {
        "arn": _arn("lambda", f"function:{inputs['name']}"),
        "invokeArn": f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{inputs['name']}/invocations",
    },
    "aws:cloudwatch/logGroup:LogGroup": lambda inputs, _: {"arn": _arn("logs", f"log-group:{inputs['name']}")},
    "aws:cloudwatch/eventRule:EventRule": lambda inputs, _: {"arn": _arn("events", f"rule/{inputs['name']}")},
    "aws:iam/role:Role": lambda inputs, _: {"arn": f"arn:aws:iam::{ACCOUNT}:role/{inputs['name']}"},
    "aws:dynamodb/table:Table": lambda inputs, _: {"arn": _arn("dynamodb", f"table/{inputs['name']}")},
    "aws:sns/topic:Topic": lambda inputs, _: {"arn": _arn("sns", inputs["name"])},
    "aws:apigatewayv2/api:Api": lambda _, id_: {
        "apiEndpoint": f"https://{id_}.execute-api.{REGION}.amazonaws.com",
        "executionArn": _arn("execute-api", id_),
    },
    "aws:apigatewayv2/domainName:DomainName": lambda inputs, _: {
        "domainNameConfiguration": {
            **inputs["domainNameConfiguration"],
            "targetDomainName": f"d-1.execute-api.{REGION}.amazonaws.com",
            "hostedZoneId": "Z2APIGATEWAY",
        }
    },
    "aws:acm/certificate:Certificate": lambda inputs, _: {
        "arn": _arn("acm", "certificate/1"),
        "domainValidationOptions": [
            {
                "domainName": inputs["domainName"],
                "resourceRecordName": "_1.example.com",
                "resourceRecordType": "CNAME",
                "resourceRecordValue": "_2.acm-validations.aws",
            }
        ],
    },
    "aws:route53/record:Record": lambda inputs, _: {"fqdn": inputs["name"]},
    "aws:ec2/vpcEndpoint:VpcEndpoint": lambda *_: {"prefixListId": "pl-6ea54007"},
    "aws:rds/cluster:Cluster": lambda inputs, _: {
        "arn": _arn("rds", f"cluster:{inputs['clusterIdentifier']}"),
        "endpoint": f"{inputs['clusterIdentifier']}.cluster-1.{REGION}.rds.amazonaws.com",
        "clusterResourceId": "cluster-RESOURCE",
        "masterUserSecrets": [{"secretArn": _arn("secretsmanager", "secret:rds!cluster-1-AbCdEf")}],
    },
    "aws:rds/proxy:Proxy": lambda inputs, _: {
        "arn": _arn("rds", "db-proxy:prx-1"),
        "endpoint": f"{inputs['name']}.proxy-1.{REGION}.rds.amazonaws.com",
    },
    "aws:sagemaker/endpoint:Endpoint": lambda inputs, _: {"arn": _arn("sagemaker", f"endpoint/{inputs['name']}")},
    "random:index/randomPassword:RandomPassword": lambda inputs, _: {"result": "p" * int(inputs["length"])},
}
_INVOKED = {
    "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT},
    "aws:index/getRegion:getRegion": {"region": REGION},
    "aws:index/getPartition:getPartition": {"partition": "aws"},
    "aws:index/getAvailabilityZones:getAvailabilityZones": {"names": _ZONES},
}


class _Answers(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        id_ = f"{args.name}-id"
        arn = _arn(args.typ.split(":")[1].split("/")[0], args.inputs.get("name", args.name))
        answer = _ANSWERS.get(args.typ, lambda *_: {})(args.inputs, id_)
        return id_, {"arn": arn, **args.inputs, **answer}

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        return _INVOKED[args.token]


class _Recorder(mocks.MockMonitor):
    def __init__(self, graph: Graph) -> None:
        super().__init__(_Answers())
        self._graph = graph
        # Registrations come from several threads.
        self._lock = threading.Lock()

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (Pulumi's name)
        response = super().RegisterResource(request)
        if request.custom:
            resource = Resource(
                urn=response.urn,
                type=request.type,
                name=request.name,
                inputs=rpc.deserialize_properties(request.object),
                state=self.resources[response.urn].state,
                protected=request.protect,
                after=frozenset(request.dependencies),
            )
            with self._lock:
                self._graph.resources.append(resource)
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 (Pulumi's name)
        if request.urn.split("::")[2] == "pulumi:pulumi:Stack":
            self._graph.outputs.update(rpc.deserialize_properties(request.outputs))
        return super().RegisterResourceOutputs(request)


def record(folder: Path, stack: str = "dev", *, portal_archive: bytes = b"portal", **values: object) -> Graph:
    """The graph of a stack with these settings by key; texts stay as they are, other values become JSON.

    `folder` takes stand-ins for the archives; `portal_archive` is what is in the portal's.
    """
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    archives = Archives(
        recognize=folder / "recognize.zip", portal=folder / "portal.zip", training=folder / "training-0a1b.tar.gz"
    )
    archives.recognize.write_bytes(b"recognize")
    archives.training.write_bytes(b"training")
    archives.portal.write_bytes(portal_archive)

    def program() -> None:
        made = Stack(from_values(stack, texts), archives)
        for name, value in made.outputs().items():
            pulumi.export(name, value)

    graph = Graph()
    run(program, graph, stack)
    return graph


def run(program: Callable[[], None], graph: Graph, stack: str = "dev") -> None:
    """Run a program and put what it registers into `graph`, until it ends or raises."""
    # An output that a text is made of by mistake raises instead of hiding in the text.
    with mock.patch.dict(os.environ, PULUMI_ERROR_OUTPUT_STRING="true"):
        # Pulumi keeps the running program in context variables; a context for each keeps them apart.
        contextvars.copy_context().run(_run, program, graph, stack)


def _run(program: Callable[[], None], graph: Graph, stack: str) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        mocks.set_mocks(_Answers(), project="imagesift", stack=stack, preview=False, monitor=_Recorder(graph))
        # Else the program would run in the stack of `set_mocks`, whose outputs nobody asks for.
        set_root_resource(None)  # type: ignore[arg-type]
        loop.run_until_complete(run_in_stack(program))
    finally:
        loop.close()
        asyncio.set_event_loop(None)
