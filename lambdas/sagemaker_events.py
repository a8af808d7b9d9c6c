"""What EventBridge says of training jobs and model packages, as it arrives on the ingest queue.

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_JOB: Final = "SageMaker Training Job State Change"
_PACKAGE: Final = "SageMaker Model Package State Change"


class UnreadableStateChange(ValueError):
    """A body that is no such event; trying it again is of no use."""


@dataclass(frozen=True, slots=True)
class JobChanged:
    """`status` and `secondary` are SageMaker's own; `reason` says why it failed, or is empty."""

    name: str
    status: str
    secondary: str
    reason: str


@dataclass(frozen=True, slots=True)
class PackageChanged:
    """`approval` is PendingManualApproval, Approved or Rejected."""

    arn: str
    approval: str


StateChange = JobChanged | PackageChanged


def read_state_change(body: str) -> StateChange:
    """Raises UnreadableStateChange."""
    try:
        document = json.loads(body)
        if document["source"] != "aws.sagemaker":
            raise UnreadableStateChange("not an event of SageMaker's")
        return _read(document["detail-type"], document["detail"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableStateChange(f"not an event of SageMaker's: {error!r}") from error


def _read(kind: str, detail: Mapping[str, Any]) -> StateChange:
    if kind == _JOB:
        secondary, reason = detail.get("SecondaryStatus") or "", detail.get("FailureReason") or ""
        return JobChanged(str(detail["TrainingJobName"]), str(detail["TrainingJobStatus"]), str(secondary), str(reason))
    if kind == _PACKAGE:
        return PackageChanged(str(detail["ModelPackageArn"]), str(detail["ModelApprovalStatus"]))
    raise UnreadableStateChange(f"an event that nobody asked for: {kind}")
