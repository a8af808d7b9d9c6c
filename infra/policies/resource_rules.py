"""Promises that a single resource can keep or break. Each rule yields what is wrong with a type and its properties."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from infra.policies.documents import allowed, is_open_to_all, listed, refuses_without_tls
from infra.policies.tagging import takes_tags

Rule = Callable[[str, Mapping[str, Any]], Iterator[str]]

# AWS knows no resource for these: https://docs.aws.amazon.com/service-authorization/latest/reference/
_WITHOUT_RESOURCE = frozenset(
    {
        "rekognition:DetectLabels",
        "rekognition:DetectModerationLabels",
        "rekognition:DetectText",
        "ec2:DescribeNetworkInterfaces",
        "ecr:GetAuthorizationToken",
        "cloudwatch:PutMetricData",
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
    }
)
_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_WAYS_OUT = ("aws:ec2/internetGateway:InternetGateway", "aws:ec2/natGateway:NatGateway")
_RULE_TYPES = (
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
)
_EVERYWHERE = ("0.0.0.0/0", "::/0")
_DATABASE = "aws:rds/cluster:Cluster"
_UNPROTECTED_STACK = "dev"


def no_public_bucket(kind: str, props: Mapping[str, Any]) -> Iterator[str]:
    """Block public access in all four ways; no policy that admits everybody."""
    if kind == "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock":
        yield from (f"{block} must be true" for block in _BLOCKS if props.get(block) is not True)
    if kind == "aws:s3/bucketPolicy:BucketPolicy" and any(is_open_to_all(each) for each in allowed(props)):
        yield "a bucket's policy must not allow anything to everybody"
    if kind == "aws:s3/bucket:Bucket" and (props.get("acl") or "private") != "private":
        yield f"a bucket's ACL must not be {props['acl']}"


def tls_only(kind: str, props: Mapping[str, Any]) -> Iterator[str]:
    """Policies of buckets, queues and topics refuse what comes without TLS."""
    kinds = (
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:sqs/queuePolicy:QueuePolicy",
        "aws:sns/topicPolicy:TopicPolicy",
    )
    if kind in kinds and not refuses_without_tls(props):
        yield "the policy must deny requests without TLS"
    if kind == "aws:rds/proxy:Proxy" and props.get("requireTls") is not True:
        yield "requireTls must be true"


def encrypted_at_rest(kind: str, props: Mapping[str, Any]) -> Iterator[str]:
    """Queues and databases are encrypted."""
    if kind == "aws:sqs/queue:Queue" and not (props.get("sqsManagedSseEnabled") or props.get("kmsMasterKeyId")):
        yield "a queue must be encrypted"
    if kind == _DATABASE and props.get("storageEncrypted") is not True:
        yield "storageEncrypted must be true"


def no_wildcard_action(_: str, props: Mapping[str, Any]) -> Iterator[str]:
    """What is allowed is named in full."""
    for statement in allowed(props):
        if "NotAction" in statement:
            yield "a statement that allows must name its actions"
        yield from (f"{action} has a wildcard" for action in listed(statement.get("Action")) if "*" in action)


def no_wildcard_resource(kind: str, props: Mapping[str, Any]) -> Iterator[str]:
    """What is allowed is allowed on something, unless AWS knows no resource for the action."""
    if kind == "aws:iam/role:Role":
        # A trust policy's resource is the role itself.
        return
    for statement in allowed(props):
        if "NotResource" in statement:
            yield "a statement that allows must name its resources"
        if "*" in listed(statement.get("Resource")):
            unbound = [action for action in listed(statement.get("Action")) if action not in _WITHOUT_RESOURCE]
            yield from (f"{action} must be allowed on resources, not on *" for action in unbound)


def logs_do_not_stay_for_ever(kind: str, props: Mapping[str, Any]) -> Iterator[str]:
    """Every log group has a retention."""
    if kind == "aws:cloudwatch/logGroup:LogGroup" and not props.get("retentionInDays"):
        yield "retentionInDays must be set"


def tagged(kind: str, props: Mapping[str, Any]) -> Iterator[str]:
    """Everything that takes tags says whose it is."""
    if takes_tags(kind):
        tags = props.get("tags") or {}
        yield from (f"the tag {tag} is missing" for tag in ("application", "stack", "managed-by") if not tags.get(tag))


def database_is_guarded(kind: str, props: Mapping[str, Any]) -> Iterator[str]:
    """Not public, backed up, signed in to by IAM; guarded against deletion in every stack but dev."""
    if kind == "aws:rds/clusterInstance:ClusterInstance" and props.get("publiclyAccessible") is not False:
        yield "publiclyAccessible must be false"
    if kind != _DATABASE:
        return
    if not props.get("backupRetentionPeriod"):
        yield "backupRetentionPeriod must be set"
    if props.get("iamDatabaseAuthenticationEnabled") is not True:
        yield "iamDatabaseAuthenticationEnabled must be true"
    if props.get("masterPassword"):
        yield "masterPassword must be left to AWS"
    if (props.get("tags") or {}).get("stack") != _UNPROTECTED_STACK and props.get("deletionProtection") is not True:
        yield "deletionProtection must be true"


def no_way_out(kind: str, props: Mapping[str, Any]) -> Iterator[str]:
    """The network has no gateway but S3's, nothing that costs by the hour, and no rule for the whole world."""
    if kind in _WAYS_OUT:
        yield "the network must have no way to the internet"
    if kind == "aws:ec2/vpcEndpoint:VpcEndpoint" and props.get("vpcEndpointType") != "Gateway":
        yield "the network must have no endpoint but gateways"
    if kind in _RULE_TYPES and (props.get("cidrIpv4") in _EVERYWHERE or props.get("cidrIpv6") in _EVERYWHERE):
        yield "a security group must not be open to the whole world"


def invoked_by_somebody_named(kind: str, props: Mapping[str, Any]) -> Iterator[str]:
    """A service may call a function for one source, not for whoever uses that service."""
    if kind == "aws:lambda/permission:Permission" and not props.get("sourceArn"):
        yield "a permission to invoke must name its source"
    if kind == "aws:lambda/functionUrl:FunctionUrl" and props.get("authorizationType") != "AWS_IAM":
        yield "a function must not have an open address"
