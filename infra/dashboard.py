"""One page of graphs for the whole stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.naming import Names

_WIDTH = 12
_HEIGHT = 6
_PERIOD_SECONDS = 300

Metric = Sequence[Any]
"""Namespace, metric, and names and values of dimensions in turn, as CloudWatch writes them."""


@dataclass(frozen=True, kw_only=True)
class DashboardArgs:
    """Queues and functions by their purpose, as the names that CloudWatch knows them by."""

    names: Names
    queues: Mapping[str, pulumi.Input[str]]
    functions: Mapping[str, pulumi.Input[str]]
    api_id: pulumi.Input[str]
    cluster: pulumi.Input[str]


class Dashboard(pulumi.ComponentResource):
    """Work waiting, functions, pages, database."""

    def __init__(self, name: str, args: DashboardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:dashboard:Dashboard", name, None, opts)
        graphs = _graphs(args)
        widgets = [
            _widget(args.names.region, place, title, statistic, metrics)
            for place, (title, statistic, metrics) in enumerate(graphs)
        ]
        self.dashboard = aws.cloudwatch.Dashboard(
            name,
            dashboard_name=args.names.of("overview"),
            dashboard_body=pulumi.Output.json_dumps({"widgets": widgets}),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


def _graphs(args: DashboardArgs) -> list[tuple[str, str, list[Metric]]]:
    queues, functions = args.queues.values(), args.functions.values()

    def of_queues(metric: str) -> list[Metric]:
        return [["AWS/SQS", metric, "QueueName", queue] for queue in queues]

    def of_functions(metric: str) -> list[Metric]:
        return [["AWS/Lambda", metric, "FunctionName", function] for function in functions]

    return [
        ("Messages waiting", "Maximum", of_queues("ApproximateNumberOfMessagesVisible")),
        ("Age of the oldest message (s)", "Maximum", of_queues("ApproximateAgeOfOldestMessage")),
        ("Images given up", "Sum", [_given_up(args.functions["dead-letters"])]),
        ("Function errors", "Sum", of_functions("Errors")),
        ("Functions at once", "Maximum", of_functions("ConcurrentExecutions")),
        ("Function duration (ms)", "p95", of_functions("Duration")),
        ("Pages", "Sum", [["AWS/ApiGateway", metric, "ApiId", args.api_id] for metric in ("Count", "4xx", "5xx")]),
        ("Page latency (ms)", "p95", [["AWS/ApiGateway", "Latency", "ApiId", args.api_id]]),
        (
            "Database capacity (ACU)",
            "Average",
            [["AWS/RDS", "ServerlessDatabaseCapacity", "DBClusterIdentifier", args.cluster]],
        ),
    ]


def _given_up(function: pulumi.Input[str]) -> Metric:
    return ["ImageSift", "DeadLetters", "service", "dead_letters", "function", function]


def _widget(region: str, place: int, title: str, statistic: str, metrics: list[Metric]) -> dict[str, Any]:
    """Two graphs to a row."""
    return {
        "type": "metric",
        "x": _WIDTH * (place % 2),
        "y": _HEIGHT * (place // 2),
        "width": _WIDTH,
        "height": _HEIGHT,
        "properties": {
            "title": title,
            "region": region,
            "stat": statistic,
            "period": _PERIOD_SECONDS,
            "view": "timeSeries",
            "metrics": metrics,
        },
    }
