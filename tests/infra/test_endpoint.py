"""The endpoint of the fine-tuned model: how it grows, and how a new model takes the old one's place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.config import from_values
from infra.values import ConfigError
from tests.infra.conftest import MODEL_PACKAGE
from tests.infra.recorder import Graph, record

ALARMS = ["detector-5xx", "detector-model-errors", "detector-latency"]


@pytest.fixture(scope="module")
def instances(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return record(
        tmp_path_factory.mktemp("instances"),
        modelPackageArn=MODEL_PACKAGE,
        modelInstanceType="ml.c7g.xlarge",
        modelInstanceCount=2,
        modelMaxInstances=6,
    )


def test_an_endpoint_on_instances_is_replaced_in_steps_and_put_back_when_an_alarm_goes_off(instances: Graph) -> None:
    (endpoint,) = instances.of_type("aws:sagemaker/endpoint:Endpoint")
    deployment = endpoint.inputs["deploymentConfig"]
    routing = deployment["blueGreenUpdatePolicy"]["trafficRoutingConfiguration"]
    assert (routing["type"], routing["canarySize"]) == ("CANARY", {"type": "CAPACITY_PERCENT", "value": 25})
    (configuration,) = instances.of_type("EndpointConfiguration")
    alarms = {name: instances.one("MetricAlarm", f"{name}-of-new") for name in ALARMS}
    rollback = deployment["autoRollbackConfiguration"]["alarms"]
    assert [each["alarmName"] for each in rollback] == [each.inputs["name"] for each in alarms.values()]
    for alarm in alarms.values():
        assert alarm.urn in endpoint.after, "SageMaker asks for the alarms at once"
        assert alarm.inputs["dimensions"] == {
            "EndpointName": endpoint.inputs["name"],
            "VariantName": "model",
            "EndpointConfigName": configuration.inputs["name"],
        }, "errors of the old instances would stop the model that is to replace them"
        # An alarm has to go off while the new instances are watched.
        assert alarm.inputs["period"] * alarm.inputs["evaluationPeriods"] < routing["waitIntervalInSeconds"]


def test_sagemaker_may_ask_for_the_alarms_with_the_role_of_the_endpoint(instances: Graph, full: Graph) -> None:
    (policy,) = (each for each in instances.of_type("RolePolicy") if each.name == "sagemaker")
    statements = json.loads(policy.inputs["policy"])["Statement"]
    (asks,) = [each for each in statements if each["Action"] == ["cloudwatch:DescribeAlarms"]]
    (pattern,) = asks["Resource"]
    assert pattern.endswith(":alarm:imagesift-dev-detector-*")
    (policy,) = (each for each in full.of_type("RolePolicy") if each.name == "sagemaker")
    assert "DescribeAlarms" not in policy.inputs["policy"], "it has no deployment that asks"


def test_a_single_instance_goes_over_at_once_and_is_watched_all_the_same(tmp_path: Path) -> None:
    graph = record(tmp_path, modelPackageArn=MODEL_PACKAGE, modelInstanceType="ml.c7g.xlarge")
    (endpoint,) = graph.of_type("aws:sagemaker/endpoint:Endpoint")
    deployment = endpoint.inputs["deploymentConfig"]
    routing = deployment["blueGreenUpdatePolicy"]["trafficRoutingConfiguration"]
    assert routing == {"type": "ALL_AT_ONCE", "waitIntervalInSeconds": 600}
    assert len(deployment["autoRollbackConfiguration"]["alarms"]) == len(ALARMS)
    assert not graph.of_type("aws:appautoscaling/target:Target")


def test_instances_grow_between_floor_and_ceiling(instances: Graph) -> None:
    (target,) = instances.of_type("aws:appautoscaling/target:Target")
    assert (target.inputs["minCapacity"], target.inputs["maxCapacity"]) == (2, 6)
    assert target.inputs["resourceId"] == "endpoint/imagesift-dev-detector/variant/model"
    (policy,) = instances.of_type("aws:appautoscaling/policy:Policy")
    tracking = policy.inputs["targetTrackingScalingPolicyConfiguration"]
    metric = tracking["predefinedMetricSpecification"]["predefinedMetricType"]
    assert metric == "SageMakerVariantInvocationsPerInstance"


def test_a_serverless_endpoint_has_its_alarms_and_no_guardrails_that_aws_would_refuse(full: Graph) -> None:
    (endpoint,) = full.of_type("aws:sagemaker/endpoint:Endpoint")
    assert "deploymentConfig" not in endpoint.inputs
    (topic,) = full.of_type("Topic")
    for name in ALARMS:
        assert full.one("MetricAlarm", name).inputs["alarmActions"] == [topic.state["arn"]]


def test_nothing_of_what_is_asked_or_answered_is_captured(full: Graph, instances: Graph) -> None:
    for graph in (full, instances):
        (configuration,) = graph.of_type("EndpointConfiguration")
        assert "dataCaptureConfig" not in configuration.inputs


def test_without_a_model_there_is_nothing_to_watch(plain: Graph) -> None:
    assert not [each.name for each in plain.of_type("MetricAlarm") if each.name in ALARMS]


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"modelPackageArn": MODEL_PACKAGE, "modelMaxInstances": "3"}, "modelMaxInstances"),
        (
            {
                "modelPackageArn": MODEL_PACKAGE,
                "modelInstanceType": "ml.c7g.xlarge",
                "modelInstanceCount": "4",
                "modelMaxInstances": "3",
            },
            "modelMaxInstances",
        ),
        ({"trainingHours": "30"}, "trainingPatienceHours"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_made(values: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigError, match=f"^imagesift:{key} "):
        from_values("dev", values)
