from __future__ import annotations

from datetime import date

import pytest

from lambdas.config import (
    DatabaseRoleConfig,
    DeadLettersConfig,
    MailConfig,
    PortalConfig,
    RecognizeConfig,
    TrainConfig,
    WebhooksConfig,
)
from lambdas.environment import ConfigurationError

REQUIRED = {
    "UPLOADS_BUCKET": "uploads",
    "DERIVED_BUCKET": "derived",
    "RECOGNIZE_QUEUE_URL": "https://sqs/recognize",
    "INGEST_QUEUE_URL": "https://sqs/ingest",
    "LEDGER_TABLE": "ledger",
}


def test_what_is_required_is_enough() -> None:
    config = RecognizeConfig.from_environment(REQUIRED)
    assert config.rekognition_features == ("labels", "properties", "moderation", "text")
    assert (config.sagemaker_endpoint, config.monthly_budget_usd) == (None, None)
    assert RecognizeConfig.required() == REQUIRED.keys()


def test_everything_is_read_by_its_type() -> None:
    given = {
        "REKOGNITION_FEATURES": "labels, text",
        "SAGEMAKER_ENDPOINT": "birds",
        "SAGEMAKER_MODEL": "birds/2",
        "MAX_UPLOAD_BYTES": "1000",
        "MONTHLY_BUDGET_USD": "12.50",
        "RECOGNITION_PRICES": '{"as_of": "2026-02-03", "micro_usd": {"rekognition": 1250}}',
    }
    config = RecognizeConfig.from_environment(REQUIRED | given)
    assert config.rekognition_features == ("labels", "text")
    assert (config.sagemaker_endpoint, config.sagemaker_model) == ("birds", "birds/2")
    assert (config.sagemaker_endpoint, config.max_upload_bytes, config.monthly_budget_usd) == ("birds", 1000, 12.5)
    assert (config.recognition_prices.as_of, config.recognition_prices.micro_usd["rekognition"]) == (
        date(2026, 2, 3),
        1250,
    )


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_what_is_missing_or_empty_is_named(name: str, value: str | None) -> None:
    environment = {key: given for key, given in REQUIRED.items() if key != name}
    with pytest.raises(ConfigurationError, match=f"^{name} is not set"):
        RecognizeConfig.from_environment(environment | ({} if value is None else {name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REKOGNITION_FEATURES", "labels,faces"),
        ("REKOGNITION_FEATURES", "labels,labels"),
        ("MAX_UPLOAD_BYTES", "0"),
        ("MAX_IMAGE_PIXELS", "many"),
        ("DETECTOR_TIMEOUT_SECONDS", "1.5"),
        ("MONTHLY_BUDGET_USD", "-1"),
        ("MONTHLY_BUDGET_USD", "nan"),
        ("MONTHLY_BUDGET_PER_USER_USD", "5 dollars"),
        ("RECOGNITION_PRICES", "{}"),
        ("RECOGNITION_PRICES", '{"as_of": "2026-01-01", "micro_usd": {"rekogniton": 1}}'),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        RecognizeConfig.from_environment(REQUIRED | {name: value})


def test_the_process_environment_is_what_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DERIVED_BUCKET", "from-the-process")
    assert MailConfig.from_environment().derived_bucket == "from-the-process"


@pytest.mark.parametrize(
    "config",
    [RecognizeConfig, DeadLettersConfig, MailConfig, WebhooksConfig, TrainConfig, DatabaseRoleConfig, PortalConfig],
)
def test_every_function_takes_a_log_level_and_a_service_name(config: type[RecognizeConfig]) -> None:
    assert {"LOG_LEVEL", "POWERTOOLS_SERVICE_NAME"} <= config.accepted() - config.required()
