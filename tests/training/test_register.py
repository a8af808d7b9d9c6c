"""`python -m training register` against moto over HTTP, and from there on to an endpoint: approval by boto3."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.requirements import required
from tests.training.recorded import BUCKET, REGION, ROLE, Recorder, keys, recorded
from training import registry
from training.__main__ import main

GROUP = "imagesift-dev-detector"
IMAGE = (
    f"763104351884.dkr.ecr.{REGION}.amazonaws.com/"
    "huggingface-pytorch-inference:2.6.0-transformers5.5.3-cpu-py312-ubuntu22.04"
)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    with recorded(monkeypatch) as recorder:
        yield recorder


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """What `register` reads of a training's result."""
    folder = tmp_path / "result"
    folder.mkdir()
    (folder / "model.tar.gz").write_bytes(b"a model")
    report = {
        "model": {"name": "shapes", "version": 2},
        "dataset": {"name": "Drawn shapes, version 1"},
        "classes": ["arrow", "cross"],
        "candidate": {"map50": [0.83125, 0.7, 0.9]},
    }
    (folder / "report.json").write_text(json.dumps(report))
    (folder / "verdict.json").write_text(json.dumps({"verdict": "passed", "against": "shapes v1"}))
    return folder


def register(*arguments: str) -> int:
    return main(["register", *arguments, f"--group={GROUP}", "--yes"])


def request_for(place: str) -> dict[str, Any]:
    """All that SageMaker is to be asked for this result."""
    return {
        "ModelPackageGroupName": GROUP,
        "ModelPackageDescription": "shapes v2: the gate passed it",
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [
                {
                    "Image": IMAGE,
                    "ModelDataUrl": f"{place}/model.tar.gz",
                    "Environment": {
                        "SAGEMAKER_PROGRAM": "inference.py",
                        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
                    },
                }
            ],
            "SupportedContentTypes": ["image/jpeg", "image/png"],
            "SupportedResponseMIMETypes": ["application/json"],
            "SupportedRealtimeInferenceInstanceTypes": list(registry.INSTANCES),
            "SupportedTransformInstanceTypes": list(registry.INSTANCES),
        },
        "ModelMetrics": {
            "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": f"{place}/report.json"}}
        },
        "CustomerMetadataProperties": {
            "name": "shapes",
            "version": "2",
            "verdict": "passed",
            "against": "shapes v1",
            "map50": "0.8313",
            "dataset": "Drawn shapes version 1",
            "classes": "arrow/cross",
        },
    }


def packages(aws: Recorder) -> list[dict[str, Any]]:
    """Without the token by which SageMaker tells a repeated request."""
    return [
        {key: value for key, value in body.items() if key != "ClientToken"} for body in aws.bodies("CreateModelPackage")
    ]


def test_a_result_of_this_machine_is_uploaded_and_waits_for_approval(
    aws: Recorder, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = f"s3://{BUCKET}/models/shapes-2"
    assert register(str(result), f"--to={place}", "--tag=team=a") == 0
    assert keys() == [f"models/shapes-2/{name}" for name in ("model.tar.gz", "report.json", "verdict.json")]
    tags = [{"Key": "project", "Value": "imagesift"}, {"Key": "team", "Value": "a"}]
    assert aws.bodies("CreateModelPackageGroup") == [
        {
            "ModelPackageGroupName": GROUP,
            "ModelPackageGroupDescription": "Detectors fine-tuned on ImageSift's moderated images",
            "Tags": tags,
        }
    ]
    assert packages(aws) == [request_for(place)]
    assert capsys.readouterr().out.endswith(f"model-package/{GROUP}/1 waits for approval.\n")


def test_a_result_in_s3_is_registered_where_it_lies(aws: Recorder, result: Path) -> None:
    s3 = boto3.client("s3")
    for path in result.iterdir():
        s3.upload_file(str(path), BUCKET, f"jobs/1/run/result/{path.name}")
    place = f"s3://{BUCKET}/jobs/1/run/result"
    assert register(place) == 0
    assert packages(aws) == [request_for(place)]
    assert len(keys()) == 3


def test_the_next_version_joins_the_group(aws: Recorder, result: Path) -> None:
    for _ in range(2):
        assert register(str(result), f"--to=s3://{BUCKET}/models/shapes-2") == 0
    assert len(aws.bodies("CreateModelPackageGroup")) == 1
    listed = boto3.client("sagemaker").list_model_packages(ModelPackageGroupName=GROUP)
    assert len(listed["ModelPackageSummaryList"]) == 2


def test_a_group_whose_name_only_contains_ours_is_another(aws: Recorder, result: Path) -> None:
    boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName=f"{GROUP}-of-others")
    assert register(str(result), f"--to=s3://{BUCKET}/models/shapes-2") == 0
    assert [each["ModelPackageGroupName"] for each in aws.bodies("CreateModelPackageGroup")][-1] == GROUP


@pytest.mark.parametrize(
    ("missing", "more", "sentence"),
    [
        ("model.tar.gz", ("--to=s3://b/c",), "{result} is no training's result: model.tar.gz is not there.\n"),
        ("", (), "The result lies on this machine: --to says where in S3 it is to be kept.\n"),
    ],
)
def test_what_cannot_be_registered_is_said_in_one_line(
    aws: Recorder,
    result: Path,
    capsys: pytest.CaptureFixture[str],
    missing: str,
    more: tuple[str, ...],
    sentence: str,
) -> None:
    if missing:
        (result / missing).unlink()
    assert register(str(result), *more) == 1
    assert capsys.readouterr().err == sentence.format(result=result)
    assert not aws.asked


def test_a_result_in_s3_without_a_model_is_not_registered(aws: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    assert register(f"s3://{BUCKET}/nothing") == 1
    assert capsys.readouterr().err == f"Reading s3://{BUCKET}/nothing failed: Not Found\n"
    assert not aws.bodies("CreateModelPackage")


def test_nothing_is_registered_unless_somebody_agrees(
    aws: Recorder, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["register", str(result), f"--group={GROUP}", f"--to=s3://{BUCKET}/models"]) == 1
    assert capsys.readouterr().err == "Nobody is there to confirm this: --yes does.\n"
    assert not aws.asked
    assert not keys()


def test_approved_by_boto3_it_is_what_an_endpoint_serves(aws: Recorder, result: Path) -> None:
    """The rest of the way, as docs/fine-tuning.md has it: approve, then a model and a serverless configuration."""
    assert register(str(result), f"--to=s3://{BUCKET}/models/shapes-2") == 0
    sagemaker = boto3.client("sagemaker")
    listed = sagemaker.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"]
    arn = listed[0]["ModelPackageArn"]
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "PendingManualApproval"
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "Approved"
    serverless = {"MemorySizeInMB": 3072, "MaxConcurrency": 5}
    sagemaker.create_model(ModelName="shapes-2", PrimaryContainer={"ModelPackageName": arn}, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "model", "ModelName": "shapes-2", "ServerlessConfig": serverless}
    sagemaker.create_endpoint_config(EndpointConfigName="shapes-2", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="shapes", EndpointConfigName="shapes-2")
    assert aws.bodies("UpdateModelPackage") == [{"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"}]
    assert aws.bodies("CreateEndpointConfig") == [{"EndpointConfigName": "shapes-2", "ProductionVariants": [variant]}]
    assert sagemaker.describe_model(ModelName="shapes-2")["PrimaryContainer"]["ModelPackageName"] == arn
    assert sagemaker.describe_endpoint(EndpointName="shapes")["EndpointStatus"] == "InService"


def test_the_serving_image_is_the_one_that_sagemakers_sdk_names() -> None:
    if importlib.util.find_spec("sagemaker") is None:
        required("sagemaker", "SageMaker's SDK is not installed (make sagemaker)")
    from sagemaker.core import image_uris

    versions = image_uris.config_for_framework("huggingface")["inference"]["versions"]["5.5.3"]["pytorch2.6.0"]
    for region in [REGION, "eu-south-1", "eu-central-2", *(set(versions["registries"]) & set(registry.ACCOUNTS))]:
        assert registry.serving_image(region) == image_uris.retrieve(
            "huggingface",
            region,
            version="5.5.3",
            base_framework_version="pytorch2.6.0",
            instance_type="ml.m5.large",
            image_scope="inference",
        )
