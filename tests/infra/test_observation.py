"""What a person is told of, and what they can look at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.infra.recorder import ACCOUNT, Graph, record
from tests.infra.test_wiring import LONGEST_S


def test_every_alarm_tells_the_topic_when_it_starts_and_when_it_is_over(graph: Graph) -> None:
    (topic,) = graph.of_type("Topic")
    for alarm in graph.of_type("MetricAlarm"):
        assert alarm.inputs["alarmActions"] == alarm.inputs["okActions"] == [topic.state["arn"]]
        assert alarm.inputs["alarmDescription"]


def test_images_that_were_given_up_raise_the_alarm(graph: Graph) -> None:
    alarm = graph.one("MetricAlarm", "dead-letters").inputs
    assert (alarm["namespace"], alarm["metricName"]) == ("ImageSift", "DeadLetters")
    assert alarm["dimensions"] == {
        "service": graph.environment("dead-letters")["POWERTOOLS_SERVICE_NAME"],
        # Or the alarm of one stack would hear of another's images.
        "function": graph.one("aws:lambda/function:Function", "dead-letters").inputs["name"],
    }
    assert alarm["threshold"] == 1


@pytest.mark.parametrize(
    ("queue", "seconds"), [("recognize", 3600), ("ingest", 3600), ("mail", 3600), ("webhooks", 24 * 3600)]
)
def test_a_queue_is_watched_for_what_waits_and_for_what_is_dead(full: Graph, queue: str, seconds: int) -> None:
    old = full.one("MetricAlarm", f"{queue}-old-messages").inputs
    dead = full.one("MetricAlarm", f"{queue}-dead-queue").inputs
    assert old["dimensions"] == {"QueueName": f"imagesift-prod-{queue}"}
    assert (old["metricName"], old["threshold"]) == ("ApproximateAgeOfOldestMessage", seconds)
    assert dead["dimensions"] == {"QueueName": f"imagesift-prod-{queue}-dead"}


def test_a_webhook_that_is_tried_to_the_end_raises_no_alarm(full: Graph) -> None:
    assert full.one("MetricAlarm", "webhooks-old-messages").inputs["threshold"] > LONGEST_S


@pytest.mark.parametrize("function", ["recognize", "dead-letters", "ingest", "web", "manage", "mail", "webhooks"])
@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_a_function_is_watched_for_errors_and_throttles(full: Graph, function: str, metric: str) -> None:
    alarm = full.one("MetricAlarm", f"{function}-{metric.lower()}").inputs
    assert alarm["metricName"] == metric
    assert alarm["dimensions"] == {"FunctionName": f"imagesift-prod-{function}"}


def test_pages_that_fail_and_a_database_at_its_end_are_watched(graph: Graph) -> None:
    (api,) = graph.of_type("aws:apigatewayv2/api:Api")
    (cluster,) = graph.of_type("Cluster")
    assert graph.one("MetricAlarm", "portal-5xx").inputs["dimensions"] == {"ApiId": f"{api.name}-id"}
    database = graph.one("MetricAlarm", "database-full").inputs
    assert database["metricName"] == "ACUUtilization"
    assert database["dimensions"] == {"DBClusterIdentifier": cluster.inputs["clusterIdentifier"]}


def test_only_cloudwatch_and_budgets_of_this_account_speak_to_the_topic(graph: Graph) -> None:
    (policy,) = graph.of_type("TopicPolicy")
    allow, deny = json.loads(policy.inputs["policy"])["Statement"]
    assert allow["Principal"] == {"Service": ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert deny["Effect"] == "Deny"


def test_the_budget_tells_before_it_is_spent(tmp_path: Path) -> None:
    graph = record(tmp_path, awsBudgetUsd=120)
    (budget,) = graph.of_type("Budget")
    assert (budget.inputs["limitAmount"], budget.inputs["timeUnit"]) == ("120.00", "MONTHLY")
    told = {(each["notificationType"], each["threshold"]) for each in budget.inputs["notifications"]}
    assert told == {("ACTUAL", 80), ("FORECASTED", 100)}
    (topic,) = graph.of_type("Topic")
    assert graph.of_type("TopicPolicy")[0].urn in budget.after, "AWS looks at once whether it may speak there"
    assert all(each["subscriberSnsTopicArns"] == [topic.state["arn"]] for each in budget.inputs["notifications"])


def test_the_dashboard_shows_every_queue_and_function(full: Graph) -> None:
    (dashboard,) = full.of_type("aws:cloudwatch/dashboard:Dashboard")
    body = json.loads(dashboard.inputs["dashboardBody"])
    shown = {value for widget in body["widgets"] for metric in widget["properties"]["metrics"] for value in metric}
    assert {f"imagesift-prod-{name}" for name in ("recognize", "ingest", "mail", "web", "manage", "database")} <= shown
    places = [(widget["x"], widget["y"]) for widget in body["widgets"]]
    assert len(places) == len(set(places))
