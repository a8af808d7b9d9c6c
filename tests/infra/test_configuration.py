"""What may stand in a stack's configuration, and what is said of everything else before anything is created."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from infra.config import StackConfig, from_values
from infra.values import ConfigError, documented

ROOT = Path(__file__).resolve().parents[2]

WRONG = {
    "monthlyBudgetUsd": ["-1", "nan", "inf", "1e3", "many", ""],
    "rekognitionFeatures": ['["labels", "faces"]', '["labels", "labels"]', "[]", '[["labels"]]', "[", '["text"]', ""],
    "rekognitionRequestsPerSecond": ["0", "0.5", "1001", "five"],
    "recognizeConcurrency": ["1", "1001", "2.5"],
    "maxUploadBytes": ["0", "50 MB", "-5"],
    "recognitionPrices": [
        '{"as_of": "soon", "micro_usd": {}}',
        '{"as_of": 20261101, "micro_usd": {}}',
        '{"micro_usd": {}}',
        '{"as_of": "2026-11-01"}',
        "1000",
    ],
    "awsBudgetUsd": ["0"],
    "signupOpen": ["yes", "True", "1"],
    "mailFrom": ["photos", "ImageSift photos@example.com", "a@b@example.com"],
    "alarmEmail": ["ops", "Ops <ops@example.com>"],
    "domain": ["photos", "https://photos.example.com", "Photos.example.com", "photos.example.com"],
    "hostedZoneId": ["example.com", "Z0123456789"],
    "certificateArn": ["arn:aws:iam::123456789012:server-certificate/a"],
    "apiRequestsPerMinute": ["0", "ten"],
    "apiCorsOrigins": [
        "*",
        '["*"]',
        "http://app.example.com",
        "https://app.example.com/",
        "https://app.example.com:443",
        "https://App.example.com",
        "https://localhost",
        '["https://a.example", "https://a.example"]',
        '["https://a.example", 5]',
        "https://*.example.com",
        "null",
        "",
    ],
    "databaseVersion": ["16", "12.4", "latest", "16.2", "13.14"],
    "databaseMinCapacity": ["0.3", "-1", "300", "8"],
    "databasePauseAfterSeconds": ["60", "90000"],
    "databaseProxy": ["true"],
    "databaseInstances": ["0"],
    "vpcCidr": ["10.0.0.0/8", "10.0.0.1/16", "8.8.0.0/16", "10.0.0.0"],
    "availabilityZones": ["1", "4"],
    "logRetentionDays": ["0", "31"],
    "logLevel": ["debug"],
    "tags": ["[]", '{"team": 5}', '{"Stack": "a"}', '{"aws:team": "a"}', '{"": "a"}', '{"team": "<a>"}'],
    "modelPackageArn": ["arn:aws:sagemaker:eu-central-1:123456789012:model/a"],
    "modelInstanceType": ["c7g.xlarge", "ml.c7g.xlarge"],
    "modelMemoryMb": ["4000"],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG.items() for value in values])
def test_a_wrong_value_is_refused_with_the_name_of_its_key(key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=rf"^imagesift:{key} "):
        from_values("dev", {key: value})


def test_the_message_says_what_was_expected() -> None:
    with pytest.raises(ConfigError) as raised:
        from_values("dev", {"monthlyBudgetUsd": "lots"})
    assert str(raised.value) == "imagesift:monthlyBudgetUsd must be a number of 0 or more, not “lots”."


def test_memory_that_the_largest_photos_do_not_fit_into_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^imagesift:recognizeMemoryMb must be at least 1800 "):
        from_values("dev", {"maxUploadBytes": "500000000"})
    assert from_values("dev", {"maxUploadBytes": "500000000", "recognizeMemoryMb": "1800"})


def test_a_misspelt_key_is_refused_rather_than_ignored() -> None:
    with pytest.raises(ConfigError, match=r"^imagesift:monthlyBudgetUSD is no setting"):
        from_values("dev", {"monthlyBudgetUSD": "20"})


@pytest.mark.parametrize("stack", ["Prod", "a", "-dev", "dev-", "1st", "a" * 21, "dev_2", "a--b"])
def test_a_stack_whose_name_fits_into_no_bucket_name_is_refused(stack: str) -> None:
    with pytest.raises(ConfigError, match="stack's name"):
        from_values(stack, {})


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        ("monthlyBudgetUsd", "12.5", "monthly_budget_usd", 12.5),
        ("rekognitionFeatures", '["labels","text"]', "rekognition_features", ("labels", "text")),
        ("rekognitionFeatures", "labels, text", "rekognition_features", ("labels", "text")),
        ("signupOpen", "false", "signup_open", False),
        ("mailFrom", "ImageSift <photos@example.com>", "mail_from", "ImageSift <photos@example.com>"),
        ("apiCorsOrigins", '["https://a.example"]', "api_cors_origins", ("https://a.example",)),
        (
            "apiCorsOrigins",
            "https://a.example, https://b.example:8443",
            "api_cors_origins",
            ("https://a.example", "https://b.example:8443"),
        ),
        ("apiCorsOrigins", "[]", "api_cors_origins", ()),
        ("tags", '{"team": "photos"}', "tags", {"team": "photos"}),
        ("vpcCidr", "192.168.4.0/22", "vpc_cidr", "192.168.4.0/22"),
        ("databaseMaxCapacity", "2.5", "database_max_capacity", 2.5),
        ("logRetentionDays", "365", "log_retention_days", 365),
        ("databaseVersion", "17.4", "database_version", "17.4"),
    ],
)
def test_a_value_that_fits_is_read(key: str, value: str, field: str, expected: object) -> None:
    assert getattr(from_values("dev", {key: value}), field) == expected


@pytest.mark.parametrize(
    ("stack", "values", "protected"),
    [
        ("dev", {}, False),
        ("prod", {}, True),
        ("dev", {"deletionProtection": "true"}, True),
        ("prod", {"deletionProtection": "false"}, False),
    ],
)
def test_every_stack_but_dev_is_protected_unless_it_says_otherwise(
    stack: str, values: dict[str, str], protected: bool
) -> None:
    assert from_values(stack, values).protected is protected


@pytest.mark.parametrize(
    ("values", "at_once"),
    [
        ({}, 5),
        ({"rekognitionRequestsPerSecond": "1.5"}, 2),
        ({"rekognitionRequestsPerSecond": "50"}, 50),
        ({"rekognitionRequestsPerSecond": "50", "recognizeConcurrency": "10"}, 10),
    ],
)
def test_as_many_images_are_recognised_at_once_as_the_quota_allows(values: dict[str, str], at_once: int) -> None:
    assert from_values("dev", values).recognized_at_once == at_once


def test_the_documentation_lists_every_key_with_type_default_and_effect() -> None:
    text = (ROOT / "docs" / "stack-configuration.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*) \|$", text, re.MULTILINE)
    assert rows == [(row.key, row.type, row.default, row.effect) for row in documented(StackConfig)]


def test_the_stack_dev_works_as_its_file_stands() -> None:
    settings = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    assert settings.pop("aws:region")
    config = from_values("dev", {key.removeprefix("imagesift:"): str(value) for key, value in settings.items()})
    assert config.monthly_budget_usd, "a first stack of a new account should not be able to spend without end"
