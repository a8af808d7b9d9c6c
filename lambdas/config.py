"""Every environment variable of every function: what the Pulumi program sets is what is read here.

The portal's functions are configured by `portal/settings.py`, which reads the same variables; `PortalConfig` lists them
and checks them before Django is started.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lambdas.environment import FromEnvironment, variable
from recognition.prices import DEFAULT_PRICES, PriceTable

FEATURES = ("labels", "properties", "moderation", "text")
DETECTORS = ("rekognition", "sagemaker")
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def _whole(at_least: int) -> Callable[[str], int]:
    def parse(written: str) -> int:
        if not written.isascii() or not written.isdigit() or int(written) < at_least:
            raise ValueError(f"must be a whole number of {at_least} or more, not “{written}”.")
        return int(written)

    return parse


def _amount(written: str) -> float:
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"must be a number of 0 or more, not “{written}”.")
    return value


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(written: str) -> str:
        if written not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}, not “{written}”.")
        return written

    return parse


def _some_of(*choices: str) -> Callable[[str], tuple[str, ...]]:
    def parse(written: str) -> tuple[str, ...]:
        names = tuple(name.strip() for name in written.split(","))
        if not set(names) <= set(choices) or len(set(names)) < len(names):
            raise ValueError(f"must list each of {', '.join(choices)} at most once, not “{written}”.")
        return names

    return parse


def _texts(written: str) -> Mapping[str, str]:
    read = json.loads(written)
    if not isinstance(read, dict) or not all(isinstance(value, str) for value in read.values()):
        raise ValueError(f"must be a JSON object of texts, not “{written}”.")
    return read


def _truth(written: str) -> bool:
    return _one_of("true", "false")(written.lower()) == "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizeConfig(FromEnvironment):
    """Sizes in bytes and pixels, time in seconds, budgets in dollars for a calendar month in UTC (None: no limit)."""

    uploads_bucket: str = variable(str)
    derived_bucket: str = variable(str)
    recognize_queue_url: str = variable(str)
    ingest_queue_url: str = variable(str)
    ledger_table: str = variable(str)
    rekognition_features: tuple[str, ...] = variable(_some_of(*FEATURES), default=FEATURES)
    sagemaker_endpoint: str | None = variable(str, default=None)
    sagemaker_model: str | None = variable(str, default=None)
    max_upload_bytes: int = variable(_whole(1), default=50_000_000)
    max_image_pixels: int = variable(_whole(1), default=100_000_000)
    detector_timeout_seconds: int = variable(_whole(1), default=40)
    monthly_budget_usd: float | None = variable(_amount, default=None)
    monthly_budget_per_user_usd: float | None = variable(_amount, default=None)
    recognition_prices: PriceTable = variable(PriceTable.from_json, default=DEFAULT_PRICES)  # noqa: RUF009 (frozen)
    log_level: str = variable(_one_of(*_LOG_LEVELS), default="INFO")
    powertools_service_name: str = variable(str, default="recognize")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLettersConfig(FromEnvironment):
    derived_bucket: str = variable(str)
    ingest_queue_url: str = variable(str)
    log_level: str = variable(_one_of(*_LOG_LEVELS), default="INFO")
    powertools_service_name: str = variable(str, default="dead_letters")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailConfig(FromEnvironment):
    derived_bucket: str = variable(str)
    log_level: str = variable(_one_of(*_LOG_LEVELS), default="INFO")
    powertools_service_name: str = variable(str, default="mail")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhooksConfig(FromEnvironment):
    derived_bucket: str = variable(str)
    webhooks_queue_url: str = variable(str)
    ingest_queue_url: str = variable(str)
    log_level: str = variable(_one_of(*_LOG_LEVELS), default="INFO")
    powertools_service_name: str = variable(str, default="webhooks")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig(FromEnvironment):
    """`training_code` is the key of the jobs' source; `training_jobs` begins the name of each job, and
    `model_package_group` is where models are registered. Time in seconds, of which a job on a spot instance waits
    `training_patience_seconds` in all at most."""

    derived_bucket: str = variable(str)
    ingest_queue_url: str = variable(str)
    training_jobs: str = variable(str)
    training_role: str = variable(str)
    training_image: str = variable(str)
    training_instance: str = variable(str)
    training_spot: bool = variable(_truth)
    training_seconds: int = variable(_whole(60))
    training_patience_seconds: int = variable(_whole(60))
    training_code: str = variable(str)
    model_package_group: str = variable(str)
    serving_image: str = variable(str)
    job_tags: Mapping[str, str] = variable(_texts)
    log_level: str = variable(_one_of(*_LOG_LEVELS), default="INFO")
    powertools_service_name: str = variable(str, default="train")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseRoleConfig(FromEnvironment):
    """`database_secret_arn` holds the cluster's master user; `database_user` is the role to be made."""

    database_cluster_arn: str = variable(str)
    database_secret_arn: str = variable(str)
    database_name: str = variable(str)
    database_user: str = variable(str)
    log_level: str = variable(_one_of(*_LOG_LEVELS), default="INFO")
    powertools_service_name: str = variable(str, default="database_role")


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalConfig(FromEnvironment):
    """What `ingest`, `web` and `manage` are set up with; see docs/configuration.md for each variable's meaning."""

    imagesift_mode: str = variable(_one_of("production"))
    recognized_by: str = variable(_one_of("lambda"))
    secret_key: str = variable(str)
    allowed_hosts: str = variable(str)
    csrf_trusted_origins: str = variable(str)
    uploads_bucket: str = variable(str)
    derived_bucket: str = variable(str)
    database_host: str = variable(str)
    database_port: int = variable(_whole(1))
    database_name: str = variable(str)
    database_user: str = variable(str)
    database_sslmode: str = variable(_one_of("verify-full", "require", "disable"), default="verify-full")
    database_sslrootcert: str = variable(str, default="/var/task/rds-global-bundle.pem")
    email_url: str = variable(str)
    default_from_email: str = variable(str)
    email_verification: str = variable(_one_of("mandatory", "optional", "none"), default="mandatory")
    signup_open: bool = variable(_truth, default=True)
    detectors: tuple[str, ...] = variable(_some_of(*DETECTORS))
    rekognition_features: tuple[str, ...] = variable(_some_of(*FEATURES), default=FEATURES)
    recognitions_per_second: float = variable(_amount)
    monthly_budget_usd: float | None = variable(_amount, default=None)
    monthly_budget_per_user_usd: float | None = variable(_amount, default=None)
    recognition_prices: PriceTable = variable(PriceTable.from_json, default=DEFAULT_PRICES)  # noqa: RUF009 (frozen)
    max_upload_bytes: int = variable(_whole(1), default=50_000_000)
    max_image_pixels: int = variable(_whole(1), default=100_000_000)
    images_per_day: int = variable(_whole(0), default=2_000)
    bytes_per_user: int = variable(_whole(0), default=20_000_000_000)
    api_requests_per_minute: int = variable(_whole(1), default=600)
    api_cors_origins: str = variable(str, default="")
    static_root: str = variable(str)
    imagesift_data: str = variable(str)
    log_level: str = variable(_one_of(*_LOG_LEVELS), default="INFO")
    powertools_service_name: str = variable(str, default="portal")
