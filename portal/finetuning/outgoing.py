"""Orders to SageMaker leave as objects of the outbox: the portal on AWS reaches nothing but S3.

A job's name ends in two parts: which version it trains, and which attempt it is. What is heard of an earlier attempt so
never touches a later one.
"""

from __future__ import annotations

import json
import secrets
from typing import Any, Final

from django.core.files.base import ContentFile
from django.core.files.storage import storages

from portal.finetuning.models import ModelVersion

SCHEMA: Final = "imagesift.training-order/1"
FOLDER: Final = "outbox/training"
_DECISION: Final = "decision"


def new_job(version: ModelVersion) -> str:
    """The end of the name of the version's next job."""
    return f"{version.pk.hex[:12]}-{secrets.token_hex(4)}"


def job_of(name: str) -> str:
    """The end of a job's name: that of the version and of the attempt."""
    return "-".join(name.split("-")[-2:])


def data_folder(version: ModelVersion) -> str:
    """Where the lists lie that the version's job learns from: elsewhere with each attempt, as they are erased."""
    return f"{version.folder}/data/{job_of(version.job_name)}"


def run_folder(version: ModelVersion) -> str:
    """Where SageMaker copies the job's run folder to as it grows, and the next attempt has it from."""
    return f"{version.folder}/run"


def send(version: ModelVersion, order: str, **more: Any) -> None:
    """Write an order down. Again, it is the same order; of two decisions, the later one counts."""
    job = job_of(version.job_name)
    document = {"schema": SCHEMA, "order": order, "version_id": str(version.pk), "job": job, **more}
    name = _DECISION if order in ("approve", "reject") else order
    storages["derived"].save(f"{FOLDER}/{job}-{name}.json", ContentFile(json.dumps(document).encode()))
