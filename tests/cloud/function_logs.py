"""What Lambda does with the lines that a function prints: a log stream, and the metrics embedded in them."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tests.cloud.processes import Deployed, Process

if TYPE_CHECKING:
    from tests.cloud.functions import Functions


class FunctionLogs:
    """Lambda writes with the function's role; without the right to, the function runs and its log is lost."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def begin(self, function: Deployed, process: Process) -> None:
        with suppress(ClientError):
            self._functions.service_client(function.role, "logs").create_log_stream(
                logGroupName=f"/aws/lambda/{function.name}", logStreamName=process.stream
            )

    def keep(self, function: Deployed, process: Process, request_id: str, lines: list[str], seconds: float) -> None:
        report = f"REPORT RequestId: {request_id} Duration: {seconds * 1000:.2f} ms"
        now = int(time.time() * 1000)
        with suppress(ClientError):
            self._functions.service_client(function.role, "logs").put_log_events(
                logGroupName=f"/aws/lambda/{function.name}",
                logStreamName=process.stream,
                logEvents=[{"timestamp": now, "message": line} for line in [*lines, report] if line],
            )
        for line in lines:
            if '"_aws"' in line:
                self._count(json.loads(line))

    def _count(self, document: dict[str, Any]) -> None:
        """CloudWatch's embedded metric format: dimensions are names of fields beside the metrics."""
        client = self._functions.aws.client("cloudwatch")
        for block in document["_aws"]["CloudWatchMetrics"]:
            for names in block["Dimensions"]:
                dimensions = [{"Name": name, "Value": document[name]} for name in names]
                for metric in block["Metrics"]:
                    values = document[metric["Name"]]
                    datum = {
                        "MetricName": metric["Name"],
                        "Dimensions": dimensions,
                        "Unit": metric.get("Unit", "None"),
                        "Values": [float(value) for value in (values if isinstance(values, list) else [values])],
                    }
                    client.put_metric_data(Namespace=block["Namespace"], MetricData=[datum])
