"""Values of the configuration that are each valid and yet do not go together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.config import StackConfig

# A stack's name is part of names of at most 63 characters, some of which take no two hyphens in a row.
_STACK = r"(?!.*--)[a-z][a-z0-9-]{0,18}[a-z0-9]"
# The first minor version of each major one that can pause; newer major versions always could.
_CAN_PAUSE = {13: 15, 14: 12, 15: 7, 16: 3}


def faults(config: StackConfig) -> list[tuple[str, str]]:
    """Each with the key to change, or "" where it is the stack's name."""
    rules = [
        (
            not re.fullmatch(_STACK, config.stack),
            "",
            f"The stack's name “{config.stack}” must be 2 to 20 of a–z, 0–9 and single -, beginning with a letter.",
        ),
        ("labels" not in config.rekognition_features, "rekognitionFeatures", "must hold labels."),
        (
            config.domain is not None and not (config.hosted_zone_id or config.certificate_arn),
            "domain",
            "needs hostedZoneId or certificateArn.",
        ),
        (config.hosted_zone_id is not None and config.domain is None, "hostedZoneId", "needs domain."),
        (config.certificate_arn is not None and config.domain is None, "certificateArn", "needs domain."),
        (
            config.recognize_memory_mb < _recognize_needs_mb(config),
            "recognizeMemoryMb",
            f"must be at least {_recognize_needs_mb(config)} for photos of maxUploadBytes.",
        ),
        (
            config.database_min_capacity > config.database_max_capacity,
            "databaseMinCapacity",
            "must not be above databaseMaxCapacity.",
        ),
        (
            config.database_min_capacity == 0 and not _can_pause(config.database_version),
            "databaseVersion",
            "cannot pause: name a newer one, or set databaseMinCapacity to 0.5 or more.",
        ),
        (
            config.database_proxy and config.database_min_capacity == 0,
            "databaseProxy",
            "keeps the database awake: set databaseMinCapacity to 0.5 or more.",
        ),
        (
            config.model_package_arn is None and config.model_instance_type is not None,
            "modelInstanceType",
            "needs modelPackageArn.",
        ),
        (
            config.model_max_instances is not None and config.model_instance_type is None,
            "modelMaxInstances",
            "needs modelInstanceType: a serverless endpoint grows by itself.",
        ),
        (
            (config.model_max_instances or config.model_instance_count) < config.model_instance_count,
            "modelMaxInstances",
            "must not be below modelInstanceCount.",
        ),
        (
            config.training_patience_hours < config.training_hours,
            "trainingPatienceHours",
            "must not be below trainingHours.",
        ),
    ]
    return [(key, fault) for wrong, key, fault in rules if wrong]


def _recognize_needs_mb(config: StackConfig) -> int:
    """A decoder may take 500 MB, whatever it opens; the file lies in memory twice beside it and the libraries."""
    return 800 + 2 * (config.max_upload_bytes // 1_000_000)


def _can_pause(version: str) -> bool:
    major, minor = map(int, version.split("."))
    return minor >= _CAN_PAUSE.get(major, 0)
