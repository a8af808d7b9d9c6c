"""What can be switched on and off by configuration, and what it does to the stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra.conftest import MODEL_PACKAGE
from tests.infra.recorder import REGION, Graph, record


def test_without_a_domain_the_portal_is_at_the_apis_own_address(plain: Graph) -> None:
    assert not any(plain.of_type(kind) for kind in ("DomainName", "Certificate", "Record", "ApiMapping"))
    (api,) = plain.of_type("aws:apigatewayv2/api:Api")
    assert api.inputs["disableExecuteApiEndpoint"] is False


def test_with_a_domain_and_its_zone_the_certificate_and_the_records_are_made(full: Graph) -> None:
    assert full.outputs["portal_url"] == "https://photos.example.com"
    (certificate,) = full.of_type("Certificate")
    (validation,) = full.of_type("CertificateValidation")
    (domain,) = full.of_type("DomainName")
    assert certificate.inputs["domainName"] == domain.inputs["domainName"] == "photos.example.com"
    assert validation.inputs["certificateArn"] == certificate.state["arn"]
    settings = domain.inputs["domainNameConfiguration"]
    assert settings["certificateArn"] == certificate.state["arn"]
    assert settings["securityPolicy"] == "TLS_1_2"
    address, proof = full.one("Record", "address"), full.one("Record", "address-validation")
    assert address.inputs["name"] == "photos.example.com"
    assert address.inputs["aliases"][0]["name"] == f"d-1.execute-api.{REGION}.amazonaws.com"
    assert proof.inputs["records"] == ["_2.acm-validations.aws"]
    (mapping,) = full.of_type("ApiMapping")
    assert mapping.inputs["domainName"] == "address-id"
    (api,) = full.of_type("aws:apigatewayv2/api:Api")
    assert api.inputs["disableExecuteApiEndpoint"] is True


def test_a_certificate_that_is_named_is_used_and_no_zone_touched(tmp_path: Path) -> None:
    arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b"
    graph = record(tmp_path, domain="photos.example.com", certificateArn=arn)
    (domain,) = graph.of_type("DomainName")
    assert domain.inputs["domainNameConfiguration"]["certificateArn"] == arn
    assert not graph.of_type("Record")
    assert not graph.of_type("Certificate")


def test_alarms_and_the_budget_tell_a_topic_that_an_address_may_hear(plain: Graph, full: Graph) -> None:
    assert not plain.of_type("TopicSubscription")
    (subscription,) = full.of_type("TopicSubscription")
    (topic,) = full.of_type("Topic")
    assert (subscription.inputs["protocol"], subscription.inputs["endpoint"]) == ("email", "ops@example.com")
    assert subscription.inputs["topic"] == topic.state["arn"]


@pytest.mark.parametrize(
    ("features", "actions"),
    [
        ("labels", {"rekognition:DetectLabels"}),
        ("labels,properties", {"rekognition:DetectLabels"}),
        ("labels,text", {"rekognition:DetectLabels", "rekognition:DetectText"}),
        ("labels,moderation", {"rekognition:DetectLabels", "rekognition:DetectModerationLabels"}),
    ],
)
def test_only_the_features_that_are_on_may_be_asked_for(tmp_path: Path, features: str, actions: set[str]) -> None:
    graph = record(tmp_path, rekognitionFeatures=features)
    allowed = {action for each in graph.statements("recognize") for action in each["Action"]}
    assert {action for action in allowed if action.startswith("rekognition:")} == actions
    assert graph.environment("recognize")["REKOGNITION_FEATURES"] == features
    assert graph.environment("web")["REKOGNITION_FEATURES"] == features


def test_a_higher_quota_recognises_more_at_once(tmp_path: Path) -> None:
    graph = record(tmp_path, rekognitionRequestsPerSecond=50)
    assert graph.one("EventSourceMapping", "recognize").inputs["scalingConfig"] == {"maximumConcurrency": 50}
    assert graph.environment("web")["RECOGNITIONS_PER_SECOND"] == "50.0"


def test_the_proxy_stands_between_functions_and_database(full: Graph, plain: Graph) -> None:
    assert not plain.of_type("Proxy")
    (proxy,) = full.of_type("Proxy")
    (cluster,) = full.of_type("Cluster")
    assert proxy.inputs["defaultAuthScheme"] == "IAM_AUTH"
    assert proxy.inputs["requireTls"] is True
    (target,) = full.of_type("ProxyTarget")
    assert target.inputs["dbClusterIdentifier"] == cluster.inputs["clusterIdentifier"]
    assert full.environment("web")["DATABASE_HOST"] == proxy.state["endpoint"]
    assert plain.environment("web")["DATABASE_HOST"] == plain.of_type("Cluster")[0].state["endpoint"]
    (rights,) = full.statements("proxy")
    assert rights["Action"] == ["rds-db:connect"]
    assert rights["Resource"][0].endswith(":dbuser:cluster-RESOURCE/imagesift")


def test_a_database_that_may_be_deleted_on_purpose_leaves_its_snapshot_all_the_same(tmp_path: Path) -> None:
    (cluster,) = record(tmp_path, "prod", deletionProtection=False).of_type("Cluster")
    assert cluster.inputs["deletionProtection"] is False
    assert cluster.inputs["skipFinalSnapshot"] is False
    assert cluster.inputs["finalSnapshotIdentifier"] == "imagesift-prod-database-last"


def test_functions_hear_of_the_proxy_once_it_leads_to_the_database(full: Graph) -> None:
    (target,) = full.of_type("ProxyTarget")
    after = full.one("aws:lambda/function:Function", "manage").after
    assert target.urn in after
    rules = {each.urn for each in full.resources if each.name in ("database-from-proxy", "proxy-to-database")}
    assert len(rules) == 2
    assert rules <= after


def test_a_proxys_certificate_is_not_checked_against_those_of_databases(full: Graph, plain: Graph) -> None:
    assert plain.environment("web")["DATABASE_SSLROOTCERT"] == "/var/task/rds-global-bundle.pem"
    assert full.environment("web")["DATABASE_SSLROOTCERT"] == "/etc/pki/tls/certs/ca-bundle.crt"


def test_the_database_pauses_unless_some_capacity_is_held_ready(plain: Graph, full: Graph) -> None:
    assert _scaling(plain) == {"minCapacity": 0, "maxCapacity": 4, "secondsUntilAutoPause": 600}
    assert _scaling(full) == {"minCapacity": 0.5, "maxCapacity": 4}


def _scaling(graph: Graph) -> object:
    (cluster,) = graph.of_type("Cluster")
    return cluster.inputs["serverlessv2ScalingConfiguration"]


def test_outside_dev_the_database_is_not_deleted_by_mistake_and_leaves_a_snapshot(plain: Graph, full: Graph) -> None:
    (free,), (guarded,) = plain.of_type("Cluster"), full.of_type("Cluster")
    assert (free.inputs["deletionProtection"], free.inputs["skipFinalSnapshot"]) == (False, True)
    assert (guarded.inputs["deletionProtection"], guarded.inputs["skipFinalSnapshot"]) == (True, False)
    assert guarded.inputs["finalSnapshotIdentifier"]
    assert [each.inputs["forceDestroy"] for each in full.of_type("Bucket")] == [False, False]
    assert full.of_type("Table")[0].inputs["deletionProtectionEnabled"] is True


def test_without_a_model_package_there_is_a_place_for_models_and_no_endpoint(plain: Graph) -> None:
    assert plain.of_type("ModelPackageGroup")
    assert not any(plain.of_type(kind) for kind in ("Model", "EndpointConfiguration", "Endpoint"))
    assert "SAGEMAKER_ENDPOINT" not in plain.environment("recognize")
    assert plain.environment("web")["DETECTORS"] == "rekognition"


def test_with_a_model_package_its_endpoint_is_asked(full: Graph) -> None:
    (model,), (configuration,), (endpoint,) = (
        full.of_type("aws:sagemaker/model:Model"),
        full.of_type("EndpointConfiguration"),
        full.of_type("aws:sagemaker/endpoint:Endpoint"),
    )
    assert model.inputs["primaryContainer"] == {"modelPackageName": MODEL_PACKAGE}
    (variant,) = configuration.inputs["productionVariants"]
    assert variant["modelName"] == model.inputs["name"]
    assert variant["serverlessConfig"] == {"memorySizeInMb": 4096, "maxConcurrency": 5}
    assert endpoint.inputs["endpointConfigName"] == configuration.inputs["name"]
    recognize = full.environment("recognize")
    assert (recognize["SAGEMAKER_ENDPOINT"], recognize["SAGEMAKER_MODEL"]) == (endpoint.inputs["name"], MODEL_PACKAGE)


def test_another_package_replaces_model_and_configuration_under_the_same_endpoint(tmp_path: Path) -> None:
    before, after = (record(tmp_path, modelPackageArn=f"{MODEL_PACKAGE[:-1]}{version}") for version in (1, 2))
    for kind in ("aws:sagemaker/model:Model", "EndpointConfiguration"):
        assert before.of_type(kind)[0].inputs["name"] != after.of_type(kind)[0].inputs["name"]
    assert _endpoint(before) == _endpoint(after)


def test_an_endpoint_can_run_on_instances(tmp_path: Path) -> None:
    graph = record(tmp_path, modelPackageArn=MODEL_PACKAGE, modelInstanceType="ml.c7g.xlarge", modelInstanceCount=2)
    (variant,) = graph.of_type("EndpointConfiguration")[0].inputs["productionVariants"]
    assert (variant["instanceType"], variant["initialInstanceCount"]) == ("ml.c7g.xlarge", 2)
    assert "serverlessConfig" not in variant


def _endpoint(graph: Graph) -> str:
    (endpoint,) = graph.of_type("aws:sagemaker/endpoint:Endpoint")
    name: str = endpoint.inputs["name"]
    return name
