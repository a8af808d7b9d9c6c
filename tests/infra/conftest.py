from __future__ import annotations

import pytest

from tests.infra.recorder import Graph, record

MODEL_PACKAGE = "arn:aws:sagemaker:eu-central-1:123456789012:model-package/imagesift-detector/3"


@pytest.fixture(scope="package")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """A stack called dev without any setting."""
    return record(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="package")
def full(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """A stack called prod with everything that can be switched on."""
    return record(
        tmp_path_factory.mktemp("full"),
        "prod",
        domain="photos.example.com",
        hostedZoneId="Z0123456789",
        mailFrom="ImageSift <photos@example.com>",
        alarmEmail="ops@example.com",
        monthlyBudgetUsd=50,
        monthlyBudgetPerUserUsd=5,
        recognitionPrices={"as_of": "2026-11-01", "micro_usd": {"rekognition": 1200}},
        databaseProxy=True,
        databaseMinCapacity=0.5,
        databaseInstances=2,
        availabilityZones=3,
        uploadsRetentionDays=90,
        tracing=True,
        webConcurrency=20,
        apiCorsOrigins=["https://app.example.com", "https://lab.example.org:8443"],
        modelPackageArn=MODEL_PACKAGE,
        tags={"cost-centre": "photos"},
    )


@pytest.fixture(scope="package", params=["plain", "full"])
def graph(request: pytest.FixtureRequest) -> Graph:
    """Both of them, for what holds whatever the configuration."""
    found: Graph = request.getfixturevalue(request.param)
    return found
