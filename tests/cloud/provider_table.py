"""The types that one AWS operation makes: which, where a property's name is not the member's, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.cloud.requests_seen import ACCOUNT, REGION, arn

Made = tuple[str, dict[str, Any]]
"""A resource's id and its outputs."""


@dataclass(frozen=True)
class Answered:
    """An operation as it was called, and its answer."""

    given: Mapping[str, Any]
    response: Mapping[str, Any]


Read = Callable[[Answered], Made]


def _member(path: str, **more: str) -> Read:
    """The id and other outputs are these members of the answer, dots leading inwards."""

    def outputs(it: Answered) -> Made:
        identity = str(_at(it.response, path))
        return identity, {"id": identity, **{name: _at(it.response, where) for name, where in more.items()}}

    return outputs


def _given(member: str) -> Read:
    """What has no id of its own is called by a member of the request."""
    return lambda it: (str(it.given[member]), {})


def _at(document: Any, path: str) -> Any:
    for step in path.split("."):
        document = document[int(step)] if step.isdigit() else document[step]
    return document


@dataclass(frozen=True)
class Row:
    """`puts`: calling it again with other values is how it is changed. `ignored` are the provider's own switches."""

    service: str
    operation: str
    outputs: Read
    names: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    tagged_as: str = ""
    puts: bool = False
    added: Callable[[str], dict[str, Any]] = lambda _: {}


def _queue_attribute(name: str, property_name: str) -> Row:
    names = {property_name: f"Attributes.{name}"}
    return Row("sqs", "set_queue_attributes", _given("QueueUrl"), names, puts=True)


_OWNED = {name: f"PublicAccessBlockConfiguration.{name}" for name in (
    "blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"
)}  # fmt: skip

TABLE: Mapping[str, Row] = {
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Row(
        "s3", "put_public_access_block", _given("Bucket"), _OWNED, puts=True
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": Row(
        "s3", "put_bucket_ownership_controls", _given("Bucket"), {"rule": "OwnershipControls.Rules"}, puts=True
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Row(
        "s3", "put_bucket_encryption", _given("Bucket"), {"rules": "ServerSideEncryptionConfiguration.Rules"}, puts=True
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Row(
        "s3",
        "put_bucket_lifecycle_configuration",
        _given("Bucket"),
        {"rules": "LifecycleConfiguration.Rules"},
        puts=True,
    ),
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": Row(
        "s3", "put_bucket_cors", _given("Bucket"), {"corsRules": "CORSConfiguration.CORSRules"}, puts=True
    ),
    "aws:s3/bucketPolicy:BucketPolicy": Row("s3", "put_bucket_policy", _given("Bucket"), puts=True),
    "aws:sqs/queuePolicy:QueuePolicy": _queue_attribute("Policy", "policy"),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": _queue_attribute("RedriveAllowPolicy", "redriveAllowPolicy"),
    "aws:lambda/eventSourceMapping:EventSourceMapping": Row(
        "lambda", "create_event_source_mapping", _member("UUID", uuid="UUID", functionArn="FunctionArn")
    ),
    "aws:lambda/permission:Permission": Row(
        "lambda",
        "add_permission",
        _given("StatementId"),
        {"function": "FunctionName"},
        added=lambda name: {"statementId": name},
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Row(
        "cloudwatch",
        "put_metric_alarm",
        lambda it: (it.given["AlarmName"], {"arn": arn("cloudwatch", f"alarm:{it.given['AlarmName']}")}),
        {"name": "AlarmName"},
        puts=True,
    ),
    "aws:cloudwatch/dashboard:Dashboard": Row("cloudwatch", "put_dashboard", _given("DashboardName"), puts=True),
    "aws:cloudwatch/eventRule:EventRule": Row(
        "events", "put_rule", lambda it: (it.given["Name"], {"arn": it.response["RuleArn"]}), puts=True
    ),
    "aws:iam/role:Role": Row(
        "iam",
        "create_role",
        _member("Role.RoleName", arn="Role.Arn", name="Role.RoleName", uniqueId="Role.RoleId"),
        {"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"},
    ),
    "aws:iam/rolePolicy:RolePolicy": Row(
        "iam",
        "put_role_policy",
        lambda it: (f"{it.given['RoleName']}:{it.given['PolicyName']}", {}),
        {"role": "RoleName", "name": "PolicyName", "policy": "PolicyDocument"},
        puts=True,
    ),
    "aws:ec2/subnet:Subnet": Row(
        "ec2",
        "create_subnet",
        _member("Subnet.SubnetId", arn="Subnet.SubnetArn"),
        # Off is what a subnet begins with.
        ignored=frozenset({"mapPublicIpOnLaunch"}),
        tagged_as="subnet",
    ),
    "aws:ec2/routeTable:RouteTable": Row(
        "ec2", "create_route_table", _member("RouteTable.RouteTableId"), tagged_as="route-table"
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Row(
        "ec2", "associate_route_table", _member("AssociationId")
    ),
    "aws:ec2/securityGroup:SecurityGroup": Row(
        "ec2",
        "create_security_group",
        lambda it: (
            it.response["GroupId"],
            {"id": it.response["GroupId"], "arn": arn("ec2", f"security-group/{it.response['GroupId']}")},
        ),
        {"name": "GroupName"},
        tagged_as="security-group",
    ),
    "aws:rds/subnetGroup:SubnetGroup": Row(
        "rds",
        "create_db_subnet_group",
        _member("DBSubnetGroup.DBSubnetGroupName", arn="DBSubnetGroup.DBSubnetGroupArn"),
        {"name": "DBSubnetGroupName", "description": "DBSubnetGroupDescription"},
    ),
    "aws:rds/clusterInstance:ClusterInstance": Row(
        "rds",
        "create_db_instance",
        _member("DBInstance.DBInstanceIdentifier", arn="DBInstance.DBInstanceArn"),
        {
            "identifier": "DBInstanceIdentifier",
            "clusterIdentifier": "DBClusterIdentifier",
            "instanceClass": "DBInstanceClass",
        },
        ignored=frozenset({"applyImmediately"}),
    ),
    "aws:apigatewayv2/api:Api": Row(
        "apigatewayv2",
        "create_api",
        lambda it: (
            it.response["ApiId"],
            {
                "id": it.response["ApiId"],
                "apiEndpoint": it.response["ApiEndpoint"],
                "arn": f"arn:aws:apigateway:{REGION}::/apis/{it.response['ApiId']}",
                "executionArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{it.response['ApiId']}",
            },
        ),
    ),
    "aws:apigatewayv2/integration:Integration": Row("apigatewayv2", "create_integration", _member("IntegrationId")),
    "aws:apigatewayv2/route:Route": Row("apigatewayv2", "create_route", _member("RouteId")),
    "aws:sesv2/emailIdentity:EmailIdentity": Row(
        "sesv2",
        "create_email_identity",
        lambda it: (
            it.given["EmailIdentity"],
            {"arn": arn("ses", f"identity/{it.given['EmailIdentity']}")},
        ),
    ),
    "aws:sns/topic:Topic": Row(
        "sns", "create_topic", _member("TopicArn", arn="TopicArn"), {"kmsMasterKeyId": "Attributes.KmsMasterKeyId"}
    ),
    "aws:sns/topicSubscription:TopicSubscription": Row(
        "sns", "subscribe", _member("SubscriptionArn", arn="SubscriptionArn"), {"topic": "TopicArn"}
    ),
    "aws:sagemaker/modelPackageGroup:ModelPackageGroup": Row(
        "sagemaker", "create_model_package_group", _member("ModelPackageGroupArn", arn="ModelPackageGroupArn")
    ),
}


def _zones(client: Callable[[str], Any]) -> dict[str, Any]:
    zones = client("ec2").describe_availability_zones()["AvailabilityZones"]
    found = {"names": [zone["ZoneName"] for zone in zones], "zoneIds": [zone["ZoneId"] for zone in zones]}
    return {"id": REGION, **found}


def _caller(client: Callable[[str], Any]) -> dict[str, Any]:
    found = client("sts").get_caller_identity()
    return {"accountId": found["Account"], "arn": found["Arn"], "userId": found["UserId"], "id": found["Account"]}


FUNCTIONS: Mapping[str, Callable[[Callable[[str], Any]], dict[str, Any]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller,
    "aws:index/getRegion:getRegion": lambda _: {"region": REGION, "name": REGION, "id": REGION},
    "aws:index/getPartition:getPartition": lambda _: {"partition": "aws", "dnsSuffix": "amazonaws.com", "id": "aws"},
    "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
}
