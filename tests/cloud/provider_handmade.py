"""The types that need more than one AWS operation, each by hand. Properties that they do not know fail, too."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.cloud.provider_functions import function, invocation
from tests.cloud.provider_shapes import UnknownProperty, parameters
from tests.cloud.requests_seen import REGION, arn

Made = tuple[str, dict[str, Any]]
Inputs = dict[str, Any]


def new(kind: str, before: Any) -> None:
    """For what the test's provider cannot change."""
    if before is not None:
        raise NotImplementedError(f"{kind} changed, and the test's provider cannot change it")


def only(inputs: Inputs, *known: str) -> None:
    unknown = set(inputs) - set(known)
    if unknown:
        raise UnknownProperty(f"nobody knows what to do with {sorted(unknown)}")


def _called(account: Any, service: str, operation: str, given: Inputs, names: Mapping[str, str]) -> Any:
    client = account.client(service)
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
    return getattr(client, operation)(**parameters(model.input_shape, given, names))


def _bucket(account: Any, name: str, inputs: Inputs, before: Any) -> Made:
    new(name, before)
    # Deleting a bucket with what is in it is between Pulumi and its state.
    only(inputs, "bucket", "forceDestroy", "tags")
    bucket, client = inputs["bucket"], account.client("s3")
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    tags = [{"Key": key, "Value": value} for key, value in inputs["tags"].items()]
    client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    return bucket, {
        "id": bucket,
        "arn": f"arn:aws:s3:::{bucket}",
        "bucketDomainName": f"{bucket}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{bucket}.s3.{REGION}.amazonaws.com",
        "region": REGION,
    }


def _notification(account: Any, name: str, inputs: Inputs, before: Any) -> Made:
    only(inputs, "bucket", "queues", "lambdaFunctions")
    configuration = {
        "QueueConfigurations": [_target(entry, "queueArn", "QueueArn") for entry in inputs.get("queues") or []],
        "LambdaFunctionConfigurations": [
            _target(entry, "lambdaFunctionArn", "LambdaFunctionArn") for entry in inputs.get("lambdaFunctions") or []
        ],
    }
    account.client("s3").put_bucket_notification_configuration(
        Bucket=inputs["bucket"], NotificationConfiguration=configuration
    )
    return inputs["bucket"], {}


def _object(account: Any, name: str, inputs: Inputs, before: Any) -> Made:
    only(inputs, "bucket", "key", "source", "contentType", "tags")
    account.client("s3").put_object(
        Bucket=inputs["bucket"],
        Key=inputs["key"],
        Body=Path(inputs["source"]).read_bytes(),
        ContentType=inputs["contentType"],
        Tagging=urlencode(inputs["tags"]),
    )
    return inputs["key"], {}


def _target(entry: Inputs, property_name: str, member: str) -> dict[str, Any]:
    only(entry, property_name, "events", "filterPrefix")
    rules = [{"Name": "prefix", "Value": entry["filterPrefix"]}]
    return {member: entry[property_name], "Events": entry["events"], "Filter": {"Key": {"FilterRules": rules}}}


def _queue(account: Any, name: str, inputs: Inputs, before: Any) -> Made:
    new(name, before)
    names = {
        "name": "QueueName",
        "visibilityTimeoutSeconds": "Attributes.VisibilityTimeout",
        "messageRetentionSeconds": "Attributes.MessageRetentionPeriod",
        "sqsManagedSseEnabled": "Attributes.SqsManagedSseEnabled",
        "redrivePolicy": "Attributes.RedrivePolicy",
    }
    url = _called(account, "sqs", "create_queue", inputs, names)["QueueUrl"]
    return url, {"id": url, "url": url, "arn": arn("sqs", inputs["name"])}


def _log_group(account: Any, name: str, inputs: Inputs, before: Any) -> Made:
    new(name, before)
    retention = inputs.pop("retentionInDays")
    _called(account, "logs", "create_log_group", inputs, {"name": "logGroupName"})
    account.client("logs").put_retention_policy(logGroupName=inputs["name"], retentionInDays=int(retention))
    return inputs["name"], {"retentionInDays": retention, "arn": arn("logs", f"log-group:{inputs['name']}")}


def _vpc(account: Any, name: str, inputs: Inputs, before: Any) -> Made:
    new(name, before)
    only(inputs, "cidrBlock", "enableDnsSupport", "enableDnsHostnames", "tags")
    client = account.client("ec2")
    vpc = client.create_vpc(CidrBlock=inputs["cidrBlock"], TagSpecifications=_tags("vpc", inputs))["Vpc"]["VpcId"]
    for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
        value = inputs[attribute[0].lower() + attribute[1:]]
        client.modify_vpc_attribute(VpcId=vpc, **{attribute: {"Value": value}})
    return vpc, {"id": vpc, "arn": arn("ec2", f"vpc/{vpc}")}


def _tags(kind: str, inputs: Inputs) -> list[dict[str, Any]]:
    tags = [{"Key": key, "Value": value} for key, value in inputs["tags"].items()]
    return [{"ResourceType": kind, "Tags": tags}]


def _vpc_endpoint(account: Any, name: str, inputs: Inputs, before: Any) -> Made:
    new(name, before)
    given = {key: value for key, value in inputs.items() if key != "tags"}
    given["TagSpecifications"] = _tags("vpc-endpoint", inputs)
    names = {"policy": "PolicyDocument"}
    made = _called(account, "ec2", "create_vpc_endpoint", given, names)["VpcEndpoint"]["VpcEndpointId"]
    lists = account.client("ec2").describe_managed_prefix_lists()["PrefixLists"]
    found = next(entry for entry in lists if entry["PrefixListName"] == inputs["serviceName"])
    return made, {"id": made, "prefixListId": found["PrefixListId"], "arn": arn("ec2", f"vpc-endpoint/{made}")}


def _security_rule(operation: str) -> Callable[..., Made]:
    def make(account: Any, name: str, inputs: Inputs, before: Any) -> Made:
        new(name, before)
        known = ("securityGroupId", "referencedSecurityGroupId", "prefixListId", "ipProtocol", "fromPort", "toPort")
        only(inputs, *known, "tags")
        permission: dict[str, Any] = {"IpProtocol": inputs["ipProtocol"]}
        permission |= {"FromPort": int(inputs["fromPort"]), "ToPort": int(inputs["toPort"])}
        if other := inputs.get("referencedSecurityGroupId"):
            permission["UserIdGroupPairs"] = [{"GroupId": other}]
        if prefix_list := inputs.get("prefixListId"):
            permission["PrefixListIds"] = [{"PrefixListId": prefix_list}]
        made = getattr(account.client("ec2"), operation)(
            GroupId=inputs["securityGroupId"],
            IpPermissions=[permission],
            TagSpecifications=_tags("security-group-rule", inputs),
        )
        return made["SecurityGroupRules"][0]["SecurityGroupRuleId"], {}

    return make


def _cluster(account: Any, name: str, inputs: Inputs, before: Any) -> Made:
    new(name, before)
    names = {
        "clusterIdentifier": "DBClusterIdentifier",
        "dbSubnetGroupName": "DBSubnetGroupName",
        "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
    }
    # For the day on which the cluster is deleted.
    asleep = {"skipFinalSnapshot", "finalSnapshotIdentifier", "applyImmediately"}
    given = {key: value for key, value in inputs.items() if key not in asleep}
    made = _called(account, "rds", "create_db_cluster", given, names)["DBCluster"]
    return made["DBClusterIdentifier"], {
        "id": made["DBClusterIdentifier"],
        "arn": made["DBClusterArn"],
        "endpoint": made["Endpoint"],
        "clusterResourceId": made["DbClusterResourceId"],
        "masterUserSecrets": [{"secretArn": made["MasterUserSecret"]["SecretArn"], "secretStatus": "active"}],
    }


def _stage(account: Any, name: str, inputs: Inputs, before: Any) -> Made:
    new(name, before)
    given = dict(inputs)
    routes = {entry["routeKey"]: entry for entry in given.pop("routeSettings", [])}
    given["routeSettings"] = {
        key: {_capital(word): value for word, value in entry.items() if word != "routeKey"}
        for key, entry in routes.items()
    }
    _called(account, "apigatewayv2", "create_stage", given, {"name": "StageName"})
    return inputs["name"], {"id": inputs["name"], "invokeUrl": ""}


def _capital(word: str) -> str:
    return word[0].upper() + word[1:]


def _table(account: Any, name: str, inputs: Inputs, before: Any) -> Made:
    new(name, before)
    known = ("name", "billingMode", "hashKey", "attributes", "ttl", "pointInTimeRecovery", "deletionProtectionEnabled")
    only(inputs, *known, "tags")
    client = account.client("dynamodb")
    client.create_table(
        TableName=inputs["name"],
        BillingMode=inputs["billingMode"],
        KeySchema=[{"AttributeName": inputs["hashKey"], "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": entry["name"], "AttributeType": entry["type"]} for entry in inputs["attributes"]
        ],
        DeletionProtectionEnabled=inputs["deletionProtectionEnabled"],
        Tags=[{"Key": key, "Value": value} for key, value in inputs["tags"].items()],
    )
    ttl = {"Enabled": inputs["ttl"]["enabled"], "AttributeName": inputs["ttl"]["attributeName"]}
    client.update_time_to_live(TableName=inputs["name"], TimeToLiveSpecification=ttl)
    recovery = {"PointInTimeRecoveryEnabled": inputs["pointInTimeRecovery"]["enabled"]}
    client.update_continuous_backups(TableName=inputs["name"], PointInTimeRecoverySpecification=recovery)
    return inputs["name"], {"id": inputs["name"], "arn": arn("dynamodb", f"table/{inputs['name']}")}


def _event_target(account: Any, name: str, inputs: Inputs, before: Any) -> Made:
    only(inputs, "rule", "arn", "input")
    target = {"Id": name, "Arn": inputs["arn"], **({"Input": inputs["input"]} if "input" in inputs else {})}
    account.client("events").put_targets(Rule=inputs["rule"], Targets=[target])
    return f"{inputs['rule']}-{name}", {}


def _topic_policy(account: Any, name: str, inputs: Inputs, before: Any) -> Made:
    only(inputs, "arn", "policy")
    json.loads(inputs["policy"])
    account.client("sns").set_topic_attributes(
        TopicArn=inputs["arn"], AttributeName="Policy", AttributeValue=inputs["policy"]
    )
    return inputs["arn"], {}


def _budget(account: Any, name: str, inputs: Inputs, before: Any) -> Made:
    new(name, before)
    amount = {"amount": inputs["limitAmount"], "unit": inputs["limitUnit"]}
    told = inputs["notifications"]
    budget = {key: inputs[key] for key in ("budgetType", "timeUnit")}
    only(inputs, *budget, "name", "limitAmount", "limitUnit", "notifications", "tags")
    budget |= {"budgetName": inputs["name"], "budgetLimit": amount}
    given = {
        "accountId": account.client("sts").get_caller_identity()["Account"],
        "budget": budget,
        "notificationsWithSubscribers": [_told(entry) for entry in told],
        "resourceTags": inputs["tags"],
    }
    _called(account, "budgets", "create_budget", given, {})
    return inputs["name"], {}


def _told(entry: Inputs) -> dict[str, Any]:
    topics = entry["subscriberSnsTopicArns"]
    notification = {key: value for key, value in entry.items() if key != "subscriberSnsTopicArns"}
    subscribers = [{"subscriptionType": "SNS", "address": topic} for topic in topics]
    return {"notification": notification, "subscribers": subscribers}


HANDMADE: Mapping[str, Callable[..., Made]] = {
    "aws:s3/bucket:Bucket": _bucket,
    "aws:s3/bucketNotification:BucketNotification": _notification,
    "aws:sqs/queue:Queue": _queue,
    "aws:lambda/function:Function": function,
    "aws:lambda/invocation:Invocation": invocation,
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:cloudwatch/eventTarget:EventTarget": _event_target,
    "aws:s3/bucketObject:BucketObject": _object,
    "aws:ec2/vpc:Vpc": _vpc,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _vpc_endpoint,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _security_rule("authorize_security_group_ingress"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _security_rule("authorize_security_group_egress"),
    "aws:rds/cluster:Cluster": _cluster,
    "aws:apigatewayv2/stage:Stage": _stage,
    "aws:dynamodb/table:Table": _table,
    "aws:sns/topicPolicy:TopicPolicy": _topic_policy,
    "aws:budgets/budget:Budget": _budget,
}
