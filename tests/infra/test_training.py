"""Training on SageMaker: what jobs may do, who hears of them, and the code that they run."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from infra.archives.source import pack_source
from infra.images import serving_image, training_image
from infra.naming import Names
from lambdas.config import TrainConfig
from tests.infra.recorder import ACCOUNT, REGION, Graph, record

DERIVED = f"arn:aws:s3:::imagesift-prod-derived-{ACCOUNT}"
INGEST = f"arn:aws:sqs:{REGION}:{ACCOUNT}:imagesift-prod-ingest"


def test_a_job_reads_what_it_learns_from_and_writes_models_alone(full: Graph) -> None:
    found: dict[str, set[str]] = {}
    for statement in full.statements("training"):
        for resource in statement["Resource"]:
            found.setdefault(resource, set()).update(statement["Action"])
    assert {resource: actions for resource, actions in found.items() if resource.startswith("arn:aws:s3")} == {
        f"{DERIVED}/models/*": {"s3:GetObject"},
        f"{DERIVED}/models/*/run/*": {"s3:PutObject"},
        f"{DERIVED}/models/*/output/*": {"s3:PutObject"},
        f"{DERIVED}/datasets/*": {"s3:GetObject"},
        f"{DERIVED}/code/*": {"s3:GetObject"},
        DERIVED: {"s3:ListBucket"},
    }
    others = {action.partition(":")[0] for resource, actions in found.items() for action in actions}
    assert others == {"s3", "logs", "ecr", "cloudwatch"}


def test_the_function_passes_one_role_and_to_sagemaker_alone(full: Graph) -> None:
    (passing,) = [each for each in full.statements("train") if "iam:PassRole" in each["Action"]]
    assert passing["Resource"] == [full.one("aws:iam/role:Role", "training").state["arn"]]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_jobs_are_called_as_the_function_may_call_them(full: Graph) -> None:
    config = TrainConfig.from_environment(full.environment("train"))
    (statement,) = [each for each in full.statements("train") if "sagemaker:CreateTrainingJob" in each["Action"]]
    assert statement["Resource"] == [f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{config.training_jobs}-*"]
    # A version's and an attempt's digits follow, and SageMaker takes 63 characters; a stack's name has 20 at most.
    assert len(config.training_jobs) + (20 - len("prod")) + len("-111111112222-0a1b2c3d") <= 63


def test_the_function_is_told_what_the_stack_is_configured_to(tmp_path: Path) -> None:
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/mine:2"
    graph = record(
        tmp_path, trainingInstanceType="ml.g5.xlarge", trainingSpot=False, trainingHours=3, trainingImage=image
    )
    config = TrainConfig.from_environment(graph.environment("train"))
    assert (config.training_instance, config.training_spot, config.training_image) == ("ml.g5.xlarge", False, image)
    assert (config.training_seconds, config.training_patience_seconds) == (3 * 3600, 24 * 3600)
    assert config.serving_image.startswith("763104351884.dkr.ecr.eu-central-1.amazonaws.com/")
    assert config.training_role == graph.one("aws:iam/role:Role", "training").state["arn"]
    assert config.job_tags["application"] == "imagesift"


@pytest.mark.parametrize(
    ("rule", "pattern"),
    [
        (
            "training-jobs",
            {
                "source": ["aws.sagemaker"],
                "detail-type": ["SageMaker Training Job State Change"],
                "detail": {"TrainingJobName": [{"prefix": "imagesift-prod-train-"}]},
            },
        ),
        (
            "training-models",
            {
                "source": ["aws.sagemaker"],
                "detail-type": ["SageMaker Model Package State Change"],
                "detail": {"ModelPackageGroupName": ["imagesift-prod-detector"]},
            },
        ),
    ],
)
def test_changes_of_this_stacks_jobs_and_models_reach_ingest(full: Graph, rule: str, pattern: dict[str, Any]) -> None:
    made, target = full.one("EventRule", rule), full.one("EventTarget", rule)
    assert json.loads(made.inputs["eventPattern"]) == pattern
    assert target.inputs["rule"] == made.inputs["name"]
    assert target.inputs["arn"] == INGEST
    policy = full.one("QueuePolicy", "ingest")
    assert policy.urn in target.after
    (admitted,) = [
        each
        for each in json.loads(policy.inputs["policy"])["Statement"]
        if each["Principal"] == {"Service": "events.amazonaws.com"}
    ]
    assert made.state["arn"] in admitted["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert (admitted["Action"], admitted["Resource"]) == (["sqs:SendMessage"], [INGEST])


def test_the_jobs_code_lies_in_the_bucket_under_the_name_that_the_function_knows(full: Graph) -> None:
    (code,) = full.of_type("BucketObject")
    assert code.inputs["bucket"] == full.one("Bucket", "derived").inputs["bucket"]
    assert code.inputs["key"] == full.environment("train")["TRAINING_CODE"] == "code/training-0a1b.tar.gz"


def test_the_code_is_packed_whole_and_the_same_each_time(tmp_path: Path) -> None:
    archive = pack_source(tmp_path / "one")
    assert archive.read_bytes() == pack_source(tmp_path / "two").read_bytes()
    with tarfile.open(archive) as tar:
        names = set(tar.getnames())
    wanted = {
        "training/job.sh",
        "training/requirements.txt",
        "training/__main__.py",
        "training/starts/tiny-shapes/model.safetensors",
        "recognition/detectors/onnx.py",
    }
    assert wanted <= names
    assert not [name for name in names if name.startswith(("portal", "lambdas", "infra", "tests"))]


@pytest.mark.parametrize(
    ("region", "registry"),
    [
        ("eu-west-1", "763104351884.dkr.ecr.eu-west-1.amazonaws.com"),
        ("eu-south-1", "692866216735.dkr.ecr.eu-south-1.amazonaws.com"),
        ("cn-north-1", "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_aws_keeps_its_images_in_an_account_of_the_region(region: str, registry: str) -> None:
    names = Names(stack="dev", account=ACCOUNT, region=region, partition="aws", tags={})
    assert training_image(names).startswith(f"{registry}/huggingface-pytorch-training:")
    assert serving_image(names).startswith(f"{registry}/huggingface-pytorch-inference:")
