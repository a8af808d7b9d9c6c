"""SageMaker's model registry: a package for each version, which somebody approves before it serves.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from training.metadata import taken
from training.places import Place, said_plainly

INSTANCES: Final = ("ml.m5.large", "ml.m5.xlarge", "ml.c5.large", "ml.c5.xlarge", "ml.g5.xlarge")
ENVIRONMENT: Final[Mapping[str, str]] = {
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    # One process: each would load a model of its own.
    "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
}
_PICTURES: Final = ("image/jpeg", "image/png")
_ANSWERS: Final = ("application/json",)
_REPOSITORY: Final = "huggingface-pytorch-inference:2.6.0-transformers5.5.3-cpu-py312-ubuntu22.04"
_USUAL_ACCOUNT: Final = "763104351884"
# https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths: regions that AWS's images lie in another account of.
ACCOUNTS: Final[Mapping[str, str]] = {
    "af-south-1": "626614931356",
    "ap-east-1": "871362719292",
    "ap-east-2": "975050140332",
    "ap-northeast-3": "364406365360",
    "ap-south-2": "772153158452",
    "ap-southeast-3": "907027046896",
    "ap-southeast-4": "457447274322",
    "ap-southeast-5": "550225433462",
    "ap-southeast-6": "633930458069",
    "ap-southeast-7": "590183813437",
    "ca-west-1": "204538143572",
    "eu-central-2": "380420809688",
    "eu-south-1": "692866216735",
    "eu-south-2": "503227376785",
    "il-central-1": "780543022126",
    "me-central-1": "914824155844",
    "me-south-1": "217643126080",
    "me-west-1": "124382933778",
    "mx-central-1": "637423239942",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A model to register. `report` and `verdict` are the documents of its training."""

    group: str
    archive: Place
    report_at: Place
    report: Mapping[str, Any]
    verdict: Mapping[str, Any]
    image: str
    tags: Mapping[str, str]


def serving_image(region: str) -> str:
    """Hugging Face's container for inference on CPUs."""
    account = ACCOUNTS.get(region, _USUAL_ACCOUNT)
    return f"{account}.dkr.ecr.{region}.amazonaws.com/{_REPOSITORY}"


def register(package: Package, client: Any) -> str:
    """The ARN of the new package, which waits for approval. `client` is boto3's. Raises TrainingFailed."""
    with said_plainly(f"Registering in {package.group}"):
        _make_group(package, client)
        return str(client.create_model_package(**_request(package))["ModelPackageArn"])


def _make_group(package: Package, client: Any) -> None:
    listed = client.get_paginator("list_model_package_groups").paginate(NameContains=package.group)
    names = {each["ModelPackageGroupName"] for page in listed for each in page["ModelPackageGroupSummaryList"]}
    if package.group not in names:
        client.create_model_package_group(
            ModelPackageGroupName=package.group,
            ModelPackageGroupDescription="Detectors fine-tuned on ImageSift's moderated images",
            Tags=[{"Key": key, "Value": value} for key, value in package.tags.items()],
        )


def _request(package: Package) -> dict[str, Any]:
    model, map50 = package.report["model"], package.report["candidate"]["map50"]
    container = {
        "Image": package.image,
        "ModelDataUrl": str(package.archive),
        "Environment": dict(ENVIRONMENT),
    }
    about = {
        "name": model["name"],
        "version": str(model["version"]),
        "verdict": package.verdict["verdict"],
        "against": package.verdict["against"] or "nothing",
        "map50": f"{map50[0]:.4f}" if map50 else "",
        "dataset": package.report["dataset"]["name"],
        "classes": "/".join(package.report["classes"]),
    }
    statistics = {"ContentType": "application/json", "S3Uri": str(package.report_at)}
    return {
        "ModelPackageGroupName": package.group,
        "ModelPackageDescription": f"{model['name']} v{model['version']}: the gate {package.verdict['verdict']} it",
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": {
            "Containers": [container],
            "SupportedContentTypes": list(_PICTURES),
            "SupportedResponseMIMETypes": list(_ANSWERS),
            "SupportedRealtimeInferenceInstanceTypes": list(INSTANCES),
            "SupportedTransformInstanceTypes": list(INSTANCES),
        },
        "ModelMetrics": {"ModelQuality": {"Statistics": statistics}},
        "CustomerMetadataProperties": taken(about),
    }
