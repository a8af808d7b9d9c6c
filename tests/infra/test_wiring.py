"""What leads where: from a bucket through a queue to a function, and who lets whom in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.recorder import ACCOUNT, Graph, Resource
from webhooks.schedule import ATTEMPTS, next_wait

# How long a delivery may be on its way.
LONGEST_S = sum(wait.total_seconds() for attempt in range(1, ATTEMPTS) if (wait := next_wait(attempt)))

FEEDS = {
    # The mapping, the queue that it reads, and the function that it calls.
    "recognize": ("recognize", "recognize"),
    "dead-letters": ("recognize-dead", "dead-letters"),
    "ingest": ("ingest", "ingest"),
    "mail": ("mail", "mail"),
    "webhooks": ("webhooks", "webhooks"),
    "train": ("train", "train"),
}
ANNOUNCEMENTS = [
    ("uploads", "uploads/", "recognize"),
    ("uploads", "imports/", "ingest"),
    ("derived", "outbox/mail/", "mail"),
    ("derived", "outbox/webhooks/", "webhooks"),
    ("derived", "outbox/training/", "train"),
]


def queue(graph: Graph, name: str) -> Resource:
    return graph.one("aws:sqs/queue:Queue", name)


def function(graph: Graph, name: str) -> Resource:
    return graph.one("aws:lambda/function:Function", name)


@pytest.mark.parametrize(("feed", "read", "called"), [(name, *ends) for name, ends in FEEDS.items()])
def test_a_queue_feeds_its_function(full: Graph, feed: str, read: str, called: str) -> None:
    mapping = full.one("EventSourceMapping", feed)
    assert mapping.inputs["eventSourceArn"] == queue(full, read).state["arn"]
    assert mapping.inputs["functionName"] == function(full, called).inputs["name"]
    assert mapping.inputs["functionResponseTypes"] == ["ReportBatchItemFailures"]


def test_there_is_no_other_feed(full: Graph, plain: Graph) -> None:
    assert {each.name for each in full.of_type("EventSourceMapping")} == set(FEEDS)
    assert {each.name for each in plain.of_type("EventSourceMapping")} == set(FEEDS) - {"mail"}


@pytest.mark.parametrize("name", ["recognize", "ingest", "mail", "webhooks", "train"])
def test_what_fails_too_often_goes_to_the_dead_letters_of_that_queue(full: Graph, name: str) -> None:
    dead = queue(full, f"{name}-dead")
    redrive = json.loads(queue(full, name).inputs["redrivePolicy"])
    assert redrive["deadLetterTargetArn"] == dead.state["arn"]
    allowed = full.one("RedriveAllowPolicy", name)
    assert allowed.inputs["queueUrl"] == dead.state["url"]
    assert json.loads(allowed.inputs["redriveAllowPolicy"])["sourceQueueArns"] == [queue(full, name).state["arn"]]
    assert "redrivePolicy" not in dead.inputs


def test_results_wait_for_a_database_that_is_away_for_hours(full: Graph) -> None:
    ingest = queue(full, "ingest").inputs
    tries = json.loads(ingest["redrivePolicy"])["maxReceiveCount"]
    assert tries * ingest["visibilityTimeoutSeconds"] >= 8 * 3600


def test_a_webhook_is_a_dead_letter_only_long_after_the_last_attempt(full: Graph) -> None:
    queue_of_webhooks = queue(full, "webhooks").inputs
    assert json.loads(queue_of_webhooks["redrivePolicy"])["maxReceiveCount"] >= 2 * ATTEMPTS
    # The outbox and the queue keep it until then.
    assert queue_of_webhooks["messageRetentionSeconds"] > 2 * LONGEST_S
    (outbox,) = [rule for rule in _expiries(full, "derived") if rule["filter"]["prefix"] == "outbox/"]
    assert outbox["expiration"]["days"] * 24 * 3600 > 2 * LONGEST_S


def _expiries(graph: Graph, bucket: str) -> list[dict[str, Any]]:
    rules = graph.one("BucketLifecycleConfiguration", bucket).inputs["rules"]
    return [rule for rule in rules if "expiration" in rule]


def test_images_are_recognised_one_to_a_call_and_as_many_at_once_as_the_quota_allows(full: Graph) -> None:
    mapping = full.one("EventSourceMapping", "recognize").inputs
    assert mapping["batchSize"] == 1
    assert mapping["scalingConfig"] == {"maximumConcurrency": 5}


@pytest.mark.parametrize(("bucket", "prefix", "name"), ANNOUNCEMENTS)
def test_a_bucket_announces_new_objects_below_a_prefix_to_a_queue(
    full: Graph, bucket: str, prefix: str, name: str
) -> None:
    notification = full.one("BucketNotification", bucket)
    assert notification.inputs["bucket"] == full.one("Bucket", bucket).inputs["bucket"]
    (announced,) = [each for each in notification.inputs["queues"] if each["filterPrefix"] == prefix]
    assert announced["queueArn"] == queue(full, name).state["arn"]
    assert announced["events"] == ["s3:ObjectCreated:*"]
    assert full.one("QueuePolicy", name).urn in notification.after, "S3 asks the queue at once"


@pytest.mark.parametrize(("bucket", "_", "name"), ANNOUNCEMENTS)
def test_a_queue_admits_its_bucket_of_this_account_and_nobody_else(full: Graph, bucket: str, _: str, name: str) -> None:
    allowed = [each for each in _queue_statements(full, name) if each["Effect"] == "Allow"]
    # Of EventBridge's rules see test_training.py.
    assert [each for each in allowed if each["Principal"] != {"Service": "events.amazonaws.com"}] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": ["sqs:SendMessage"],
            "Resource": [queue(full, name).state["arn"]],
            "Condition": {
                "ArnEquals": {"aws:SourceArn": full.one("Bucket", bucket).state["arn"]},
                "StringEquals": {"aws:SourceAccount": ACCOUNT},
            },
        }
    ]


def test_nobody_is_admitted_to_dead_letters(full: Graph) -> None:
    for name in ("recognize", "ingest", "mail", "webhooks", "train"):
        assert [each["Effect"] for each in _queue_statements(full, f"{name}-dead")] == ["Deny"]


def _queue_statements(graph: Graph, name: str) -> list[dict[str, Any]]:
    policy = graph.one("QueuePolicy", name)
    assert policy.inputs["queueUrl"] == queue(graph, name).state["url"]
    statements: list[dict[str, Any]] = json.loads(policy.inputs["policy"])["Statement"]
    return statements


def test_requests_for_exports_go_straight_to_manage(full: Graph) -> None:
    notification = full.one("BucketNotification", "derived")
    (announced,) = notification.inputs["lambdaFunctions"]
    assert announced["filterPrefix"] == "outbox/exports/"
    assert announced["lambdaFunctionArn"] == function(full, "manage").state["arn"]
    permission = full.one("Permission", "exports")
    assert permission.inputs["function"] == function(full, "manage").inputs["name"]
    assert permission.inputs["sourceArn"] == full.one("Bucket", "derived").state["arn"]
    assert permission.inputs["sourceAccount"] == ACCOUNT
    assert permission.urn in notification.after


def test_no_two_prefixes_of_a_bucket_overlap(full: Graph) -> None:
    for bucket in ("uploads", "derived"):
        inputs = full.one("BucketNotification", bucket).inputs
        prefixes = [each["filterPrefix"] for key in ("queues", "lambdaFunctions") for each in inputs.get(key, [])]
        assert not [(one, other) for one in prefixes for other in prefixes if one != other and one.startswith(other)]


def test_every_address_of_the_portal_leads_to_web(graph: Graph) -> None:
    (integration,) = graph.of_type("Integration")
    assert integration.inputs["integrationUri"] == function(graph, "web").state["invokeArn"]
    assert integration.inputs["payloadFormatVersion"] == "2.0"
    routes = graph.of_type("aws:apigatewayv2/route:Route")
    assert {each.inputs["routeKey"] for each in routes} == {"$default", "ANY /api/{proxy+}"}
    assert {each.inputs["target"] for each in routes} == {f"integrations/{integration.state.get('id', 'api-id')}"}
    permission = graph.one("Permission", "api")
    assert permission.inputs["function"] == function(graph, "web").inputs["name"]
    (api,) = graph.of_type("aws:apigatewayv2/api:Api")
    assert permission.inputs["sourceArn"] == f"{api.state['executionArn']}/*"


def test_the_api_has_a_rate_of_its_own_and_every_request_is_logged(plain: Graph) -> None:
    (stage,) = plain.of_type("Stage")
    assert stage.inputs["name"] == "$default"
    assert stage.inputs["defaultRouteSettings"] == {"throttlingRateLimit": 50, "throttlingBurstLimit": 100}
    assert stage.inputs["routeSettings"] == [
        {"routeKey": "ANY /api/{proxy+}", "throttlingRateLimit": 10, "throttlingBurstLimit": 20}
    ]
    log = plain.one("LogGroup", "api")
    assert stage.inputs["accessLogSettings"]["destinationArn"] == log.state["arn"]
    assert "$context.status" in json.loads(stage.inputs["accessLogSettings"]["format"]).values()


def test_the_sweep_runs_on_schedule(plain: Graph) -> None:
    rule, target = plain.one("EventRule", "sweep"), plain.one("EventTarget", "sweep")
    assert rule.inputs["scheduleExpression"] == "rate(6 hours)"
    assert target.inputs["arn"] == function(plain, "manage").state["arn"]
    assert json.loads(target.inputs["input"]) == {"command": "sweep"}
    permission = plain.one("Permission", "sweep")
    assert permission.inputs["function"] == function(plain, "manage").inputs["name"]
    assert permission.inputs["sourceArn"] == rule.state["arn"]


def test_first_the_database_user_is_made_and_then_the_tables(graph: Graph) -> None:
    role, tables = graph.one("Invocation", "database-role"), graph.one("Invocation", "migrate")
    assert role.inputs["functionName"] == function(graph, "database-role").inputs["name"]
    assert {each.urn for each in graph.of_type("ClusterInstance")} <= role.after
    assert tables.inputs["functionName"] == function(graph, "manage").inputs["name"]
    assert json.loads(tables.inputs["input"]) == {"command": "migrate"}
    assert role.urn in tables.after
    assert function(graph, "manage").urn in tables.after


def test_pages_and_results_meet_new_code_after_the_tables_it_needs(graph: Graph) -> None:
    tables = graph.one("Invocation", "migrate")
    assert [tables.urn in function(graph, name).after for name in ("web", "ingest", "manage")] == [True, True, False]


def test_functions_are_made_once_their_role_may_do_what_they_need(graph: Graph) -> None:
    for each in graph.of_type("aws:lambda/function:Function"):
        assert graph.one("aws:iam/rolePolicy:RolePolicy", each.name).urn in each.after
        assert graph.one("LogGroup", each.name).urn in each.after
        assert each.inputs["role"] == graph.one("Role", each.name).state["arn"]
