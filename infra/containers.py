"""What SageMaker's containers need whatever they do: their image, their log, their metrics."""

from __future__ import annotations

from infra.naming import Names
from infra.permissions import Statement


def runs_containers(names: Names) -> list[Statement]:
    """For the role of a training job or of an endpoint."""
    return [
        Statement(
            actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            resources=[names.arn("logs", "log-group:/aws/sagemaker/*")],
        ),
        Statement(
            actions=["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"],
            # AWS keeps its images in accounts of its own.
            resources=[f"arn:{names.partition}:ecr:{names.region}:*:repository/*"],
        ),
        # AWS knows no resource for these.
        Statement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
        Statement(
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],
            condition={"StringLike": {"cloudwatch:namespace": ["AWS/SageMaker", "/aws/sagemaker/*"]}},
        ),
    ]
