"""Every key of the stack's configuration, validated before anything is created.

docs/stack-configuration.md lists them for people; a test keeps the two alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from infra import kinds
from infra.fitting import faults
from infra.values import ConfigError, number, one_of, read_settings, setting, some_of, truth, whole

NAMESPACE = "imagesift"
FEATURES = ("labels", "properties", "moderation", "text")


@dataclass(frozen=True, kw_only=True)
class StackConfig:
    """The stack's name and its settings. Sizes in bytes and pixels, money in US dollars, times as the names say."""

    stack: str

    # Recognition
    rekognition_features: tuple[str, ...] = setting(
        some_of(*FEATURES),
        default=FEATURES,
        effect="What Rekognition is asked about each image. Labels cost $1.00 for 1,000 images, image properties "
        "(asked with the labels) $0.75 more, moderation $1.00 and text $1.00. `labels` must be among them.",
    )
    rekognition_requests_per_second: float = setting(
        number(1, 1000),
        default=5.0,
        effect="The account's quota for DetectLabels in this region; how many images are recognised at once follows. "
        "`manage.py doctor` looks it up.",
    )
    recognize_concurrency: int | None = setting(
        whole(2, 1000),
        default=None,
        default_words="from the quota",
        effect="How many images are recognised at once, if not as many as the quota's requests per second.",
    )
    recognize_memory_mb: int = setting(
        whole(1024, 10240),
        default=1769,
        effect="Memory of the function that recognises; 1769 MB is one whole processor. Larger photos need more.",
    )
    max_upload_bytes: int = setting(whole(1, 500_000_000), default=50_000_000, effect="The largest photo.")
    max_image_pixels: int = setting(whole(1, 250_000_000), default=100_000_000, effect="The photo of most pixels.")
    images_per_day: int = setting(whole(0), default=2_000, effect="How many photos a person may upload in a day.")
    bytes_per_user: int = setting(whole(0), default=20_000_000_000, effect="How much a person may keep.")

    # Money
    monthly_budget_usd: float | None = setting(
        number(0),
        default=None,
        effect="What recognition may cost the whole stack in a calendar month (UTC); past it, images wait. "
        "An administrator can change it in the portal.",
    )
    monthly_budget_per_user_usd: float | None = setting(
        number(0), default=None, effect="The same for each person, who can be given another one in the portal."
    )
    recognition_prices: dict[str, Any] | None = setting(  # noqa: RUF009 (only says how to read it)
        kinds.PRICES,
        default=None,
        default_words="list prices of us-east-1",
        effect="What a call of each detector is counted with; detectors not named keep the list price.",
    )
    aws_budget_usd: float = setting(
        number(1),
        default=50.0,
        effect="An AWS budget over the whole account: at 80 % of it, and when the forecast passes it, AWS tells the "
        "alarm topic. It stops nothing.",
    )

    # People
    signup_open: bool = setting(truth, default=True, effect="Whether strangers may make themselves an account.")
    mail_from: str | None = setting(
        kinds.SENDER,
        default=None,
        effect="The sender of the portal's mail; AWS sends it a link to confirm. Without one no mail is sent, and "
        "addresses of new accounts are not confirmed.",
    )
    alarm_email: str | None = setting(
        kinds.EMAIL,
        default=None,
        effect="Who is told of alarms; AWS sends them a link to confirm. Without one nobody is.",
    )

    # Address
    domain: str | None = setting(
        kinds.HOST, default=None, effect="The portal's own host name, with `hostedZoneId` or `certificateArn` or both."
    )
    hosted_zone_id: str | None = setting(
        kinds.HOSTED_ZONE,
        default=None,
        effect="The Route 53 zone that holds `domain`: its record, and its certificate unless one is named, are made.",
    )
    certificate_arn: str | None = setting(
        kinds.CERTIFICATE,
        default=None,
        effect="A certificate for `domain` that ACM has issued in this region.",
    )
    requests_per_second: int = setting(
        whole(1, 10_000), default=50, effect="Requests a second that the portal takes; past them it answers 429."
    )
    api_requests_per_second: int = setting(
        whole(1, 10_000), default=10, effect="The same for the addresses below /api/, counted by themselves."
    )
    api_requests_per_minute: int = setting(
        whole(1, 100_000), default=600, effect="Requests that each token of the API has a minute."
    )
    api_cors_origins: tuple[str, ...] = setting(
        kinds.ORIGINS,
        default=(),
        default_words="none",
        effect="Other sites whose pages may use the API with a token, from a browser; `*` is none.",
    )
    web_memory_mb: int = setting(whole(256, 10240), default=1024, effect="Memory of the function that serves pages.")
    web_concurrency: int | None = setting(
        whole(1, 1000),
        default=None,
        default_words="not reserved",
        effect="How many pages are served at once, reserved out of the account's concurrency (which new accounts, with "
        "10 in all, cannot reserve).",
    )

    # Database and network
    database_version: str = setting(
        kinds.AURORA_VERSION,
        default="16.8",
        effect="Version of Aurora PostgreSQL, upgraded only by changing this; pausing needs 13.15, 14.12, 15.7, 16.3 "
        "or newer.",
    )
    database_min_capacity: float = setting(
        number(0, 256, 0.5),
        default=0.0,
        effect="Aurora capacity units (2 GiB of memory each) held ready. 0 lets the database pause, and the first "
        "visitor afterwards waits about 15 seconds.",
    )
    database_max_capacity: float = setting(
        number(1, 256, 0.5), default=4.0, effect="Capacity units that the database may grow to."
    )
    database_pause_after_seconds: int = setting(
        whole(300, 86_400), default=600, effect="How long nobody must use the database before it pauses."
    )
    database_instances: int = setting(
        whole(1, 3), default=1, effect="2 or more stand ready in other availability zones, and cost as much each."
    )
    database_proxy: bool = setting(
        truth,
        default=False,
        effect="RDS Proxy between functions and database, for very many at once. It keeps connections open, so it "
        "needs a `databaseMinCapacity` above 0.",
    )
    database_backup_days: int = setting(
        whole(1, 35), default=7, effect="How far back the database can be restored to any second."
    )
    deletion_protection: bool | None = setting(
        truth,
        default=None,
        default_words="true, except in a stack called dev",
        effect="Refuses to delete database, buckets and ledger. Without it `pulumi destroy` deletes all photos.",
    )
    vpc_cidr: str = setting(kinds.NETWORK, default="10.42.0.0/16", effect="Addresses of the stack's own network.")
    availability_zones: int = setting(whole(2, 3), default=2, effect="How many of them the network spans.")

    # Care
    uploads_retention_days: int | None = setting(
        whole(1, 36_500),
        default=None,
        default_words="for ever",
        effect="After how many days originals are deleted; results and previews stay, but such an image cannot be "
        "recognised again.",
    )
    log_retention_days: int = setting(kinds.LOG_DAYS, default=30, effect="How long logs are kept.")
    log_level: str = setting(
        one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), default="INFO", effect="How much is logged."
    )
    tracing: bool = setting(truth, default=False, effect="Traces of the functions in AWS X-Ray.")
    sweep_hours: int = setting(
        whole(1, 168),
        default=6,
        effect="How often stuck images are looked for when nobody is there; each time wakes the database.",
    )
    tags: dict[str, str] | None = setting(  # noqa: RUF009 (only says how to read it)
        kinds.TAGS, default=None, effect="Tags on everything, beside `application`, `stack` and `managed-by`."
    )

    # Own model
    model_package_arn: str | None = setting(
        kinds.MODEL_PACKAGE,
        default=None,
        effect="The fine-tuned model to ask beside Rekognition, behind a SageMaker endpoint. Naming the previous one "
        "rolls back; naming none removes the endpoint.",
    )
    model_instance_type: str | None = setting(
        kinds.INSTANCE_TYPE,
        default=None,
        default_words="serverless",
        effect="Runs the endpoint on instances of this type, always on and paid by the hour.",
    )
    model_instance_count: int = setting(
        whole(1, 20), default=1, effect="How many instances; the fewest, with `modelMaxInstances`."
    )
    model_max_instances: int | None = setting(
        whole(1, 20),
        default=None,
        default_words="as many as modelInstanceCount",
        effect="How many instances there may be while many images come in.",
    )
    model_memory_mb: int = setting(kinds.SERVERLESS_MEMORY, default=4096, effect="Memory of the serverless endpoint.")
    model_concurrency: int = setting(
        whole(1, 200), default=5, effect="How many images the serverless endpoint takes at once."
    )

    # Training
    training_instance_type: str = setting(
        kinds.INSTANCE_TYPE,
        default="ml.g4dn.xlarge",
        effect="What models are trained on, paid by the second while it trains. A new account's quota for it may be 0: "
        "ask for more under Service Quotas.",
    )
    training_spot: bool = setting(
        truth,
        default=True,
        effect="Trains on spare machines, which cost up to 90 % less and may be taken back: then it waits for another "
        "and goes on.",
    )
    training_hours: int = setting(
        whole(1, 120), default=8, effect="How long a training may take; then it ends, and can be gone on with."
    )
    training_patience_hours: int = setting(
        whole(1, 240),
        default=24,
        effect="How long a training on spare machines may take with all waiting; no less than `trainingHours`.",
    )
    training_image: str | None = setting(
        kinds.IMAGE,
        default=None,
        default_words="Hugging Face's, of AWS",
        effect="The container that trains: Linux with bash, tar, Python 3.11 or newer and PyTorch.",
    )
    serving_image: str | None = setting(
        kinds.IMAGE,
        default=None,
        default_words="Hugging Face's, of AWS",
        effect="The container that models are registered with.",
    )

    def __post_init__(self) -> None:
        for key, fault in faults(self):
            raise ConfigError(f"{NAMESPACE}:{key} {fault}" if key else fault)

    @property
    def protected(self) -> bool:
        """Whether what people would miss is guarded against deletion."""
        return self.stack != "dev" if self.deletion_protection is None else self.deletion_protection

    @property
    def keeps_last_snapshot(self) -> bool:
        """Whether the database leaves a snapshot when it is deleted, which it can be only once it is unprotected."""
        return self.stack != "dev"

    @property
    def recognized_at_once(self) -> int:
        """An image takes about a second, so as many at once as requests a second; AWS takes no fewer than two."""
        return self.recognize_concurrency or max(2, math.floor(self.rekognition_requests_per_second))

    @property
    def detectors(self) -> tuple[str, ...]:
        """The detectors that are asked."""
        return ("rekognition",) if self.model_package_arn is None else ("rekognition", "sagemaker")


def from_values(stack: str, values: Mapping[str, str]) -> StackConfig:
    """The configuration of a stack from texts by key, as Pulumi keeps them. Raises ConfigError naming the key."""
    return StackConfig(stack=stack, **read_settings(StackConfig, values, NAMESPACE))


def from_pulumi() -> StackConfig:
    """The configuration of the stack that is being deployed. Raises ConfigError naming the key."""
    prefix = f"{NAMESPACE}:"
    values = {
        key.removeprefix(prefix): value
        for key, value in pulumi.runtime.config.CONFIG.get().items()
        if key.startswith(prefix)
    }
    return from_values(pulumi.get_stack(), values)
