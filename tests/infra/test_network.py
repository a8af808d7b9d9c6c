"""The network without a way out, and the database in it."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path

import pytest

from infra.values import ConfigError
from tests.infra import recorder
from tests.infra.recorder import Graph


def test_there_is_no_way_out_but_to_the_two_buckets(graph: Graph) -> None:
    ways_out = ("internetGateway", "natGateway", "egressOnlyInternetGateway", "vpcPeeringConnection", "route:")
    assert not [each.type for each in graph.resources if each.type.removeprefix("aws:ec2/").startswith(ways_out)]
    (endpoint,) = graph.of_type("VpcEndpoint")
    assert endpoint.inputs["vpcEndpointType"] == "Gateway"
    assert endpoint.inputs["serviceName"] == "com.amazonaws.eu-central-1.s3"
    assert endpoint.inputs["routeTableIds"] == ["network-id"]
    buckets = {each.state["arn"] for each in graph.of_type("Bucket")}
    for statement in json.loads(endpoint.inputs["policy"])["Statement"]:
        assert {resource.removesuffix("/*") for resource in statement["Resource"]} == buckets
        assert "*" not in "".join(statement["Action"])


def test_the_endpoint_lets_through_all_that_functions_may_do(graph: Graph) -> None:
    (endpoint,) = graph.of_type("VpcEndpoint")
    through = {action for each in json.loads(endpoint.inputs["policy"])["Statement"] for action in each["Action"]}
    needed = {
        action
        for function in ("ingest", "web", "manage")
        for each in graph.statements(function)
        for action in each["Action"]
        if action.startswith("s3:")
    }
    assert through == needed


def test_subnets_lie_apart_in_several_zones_and_use_the_routes_of_the_endpoint(plain: Graph, full: Graph) -> None:
    for graph, zones in ((plain, 2), (full, 3)):
        subnets = graph.of_type("Subnet")
        assert len({each.inputs["availabilityZone"] for each in subnets}) == len(subnets) == zones
        ranges = [ipaddress.ip_network(each.inputs["cidrBlock"]) for each in subnets]
        whole = ipaddress.ip_network(graph.of_type("Vpc")[0].inputs["cidrBlock"])
        assert all(each.subnet_of(whole) for each in ranges)
        assert not any(one.overlaps(other) for one in ranges for other in ranges if one != other)
        assert {each.inputs["subnetId"] for each in graph.of_type("RouteTableAssociation")} == {
            f"{each.name}-id" for each in subnets
        }


def test_functions_reach_the_database_and_s3_and_nothing_reaches_them(plain: Graph) -> None:
    out = {each.name: each.inputs for each in plain.of_type("SecurityGroupEgressRule")}
    into = {each.name: each.inputs for each in plain.of_type("SecurityGroupIngressRule")}
    assert {name: (rule["securityGroupId"], rule["fromPort"], rule["toPort"]) for name, rule in out.items()} == {
        "functions-to-database": ("functions-id", 5432, 5432),
        "functions-to-s3": ("functions-id", 443, 443),
    }
    assert out["functions-to-database"]["referencedSecurityGroupId"] == "database-id"
    assert out["functions-to-s3"]["prefixListId"] == plain.of_type("VpcEndpoint")[0].state["prefixListId"]
    (only,) = into.values()
    assert (only["securityGroupId"], only["referencedSecurityGroupId"]) == ("database-id", "functions-id")
    for group in plain.of_type("SecurityGroup"):
        assert not {"ingress", "egress"} & set(group.inputs)


def test_the_database_is_encrypted_backed_up_and_known_to_iam(graph: Graph) -> None:
    (cluster,) = graph.of_type("Cluster")
    expected = {
        "storageEncrypted": True,
        "iamDatabaseAuthenticationEnabled": True,
        "manageMasterUserPassword": True,
        "enableHttpEndpoint": True,
        "backupRetentionPeriod": 7,
        "copyTagsToSnapshot": True,
        "vpcSecurityGroupIds": ["database-id"],
    }
    assert {key: cluster.inputs[key] for key in expected} == expected
    assert "masterPassword" not in cluster.inputs


def test_every_instance_is_serverless_and_private(plain: Graph, full: Graph) -> None:
    assert (len(plain.of_type("ClusterInstance")), len(full.of_type("ClusterInstance"))) == (1, 2)
    for instance in (*plain.of_type("ClusterInstance"), *full.of_type("ClusterInstance")):
        assert instance.inputs["instanceClass"] == "db.serverless"
        assert instance.inputs["publiclyAccessible"] is False


def test_a_region_with_too_few_zones_is_told_of_before_anything_is_made_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = "aws:index/getAvailabilityZones:getAvailabilityZones"
    monkeypatch.setitem(recorder._INVOKED, asked, {"names": ["eu-central-1a", "eu-central-1b"]})
    with pytest.raises(ConfigError, match="imagesift:availabilityZones must be at most 2 in this region"):
        recorder.record(tmp_path, "prod", availabilityZones=3)
