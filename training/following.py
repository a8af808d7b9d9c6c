"""A training job as SageMaker and its run folder in S3 tell of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from training.holding import PROGRESS, RESULT
from training.places import Place, said_plainly
from training.prices import cost

_COMPLETED: Final = "Completed"
ENDS: Final = frozenset({_COMPLETED, "Failed", "Stopped"})
_GONE: Final = frozenset({"NoSuchKey", "NoSuchBucket", "404"})


@dataclass(frozen=True, slots=True)
class Standing:
    """`state` and `stage` are SageMaker's own words. `dollars` is at the list price, None where that is not known."""

    name: str
    state: str
    stage: str
    why: str
    metrics: Mapping[str, float]
    records: tuple[Mapping[str, Any], ...]
    run: Place | None
    dollars: float | None
    saved: float | None

    @property
    def result(self) -> Place | None:
        """What `register` takes; None until the job has left it."""
        return self.run / RESULT if self.run and self.state == _COMPLETED else None

    @property
    def has_ended(self) -> bool:
        return self.state in ENDS


def look(name: str, session: Any) -> Standing:
    """How the job stands now. Raises TrainingFailed, for a job that there is not as well."""
    with said_plainly(f"Looking at {name}"):
        job = session.client("sagemaker").describe_training_job(TrainingJobName=name)
        address = job.get("CheckpointConfig", {}).get("S3Uri")
        run = Place.parse(address) if address else None
        records = _records(run, session) if run else ()
    metrics = {each["MetricName"]: float(each["Value"]) for each in job.get("FinalMetricDataList", ())}
    trained, billed = job.get("TrainingTimeInSeconds"), job.get("BillableTimeInSeconds")
    return Standing(
        name=name,
        state=job["TrainingJobStatus"],
        stage=job.get("SecondaryStatus", ""),
        why=job.get("FailureReason", ""),
        metrics=metrics,
        records=records,
        run=run,
        dollars=_dollars(job),
        saved=1 - billed / trained if trained and billed is not None else None,
    )


def _records(run: Place, session: Any) -> tuple[Mapping[str, Any], ...]:
    """What the training wrote of itself so far; nothing while it has written nothing."""
    s3 = session.client("s3")
    try:
        content = s3.get_object(Bucket=run.bucket, Key=(run / PROGRESS).key)["Body"].read()
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return ()
        raise
    return tuple(json.loads(line) for line in content.splitlines() if line.endswith(b"}"))


def _dollars(job: Mapping[str, Any]) -> float | None:
    """Of the seconds that are billed, or while it runs of those since its start."""
    seconds = job.get("BillableTimeInSeconds")
    if seconds is None:
        since = job.get("TrainingStartTime")
        until = job.get("TrainingEndTime") or datetime.now(UTC)
        seconds = (until - since).total_seconds() if since else 0
    resources = job["ResourceConfig"]
    found = cost(resources.get("InstanceType", ""), seconds / 3600, spot=False)
    return None if found is None else found.on_demand * float(resources.get("InstanceCount", 1))
