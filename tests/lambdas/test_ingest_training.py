"""`ingest`: what is heard of trainings on SageMaker reaches the model version it is about."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from lambdas.ingest.handler import handle
from lambdas.pointers import TrainingAnswer
from portal.accounts.models import User
from portal.finetuning.beginning import begin_training
from portal.finetuning.models import Approval, ModelVersion, VersionState
from tests.lambdas.world import Context
from tests.portal.finetuning.conftest import MakeAnnotated, annotated
from tests.portal.finetuning.on_aws import Bucket, wanted
from tests.portal.finetuning.versions import drawn_dataset, trainer
from tests.portal.test_s3_storage import BUCKETS, s3, s3_address

__all__ = ["annotated", "s3", "s3_address"]

pytestmark = pytest.mark.django_db(transaction=True)

PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/imagesift-dev-detector/1"


@pytest.fixture
def bucket(s3: Any, settings: Any) -> Bucket:
    settings.RECOGNIZED_BY = "lambda"
    settings.UPLOADS_BUCKET, settings.DERIVED_BUCKET = BUCKETS["uploads"], BUCKETS["derived"]
    settings.DETECTORS = ("rekognition",)
    return Bucket(s3)


@pytest.fixture
def version(bucket: Bucket, annotated: MakeAnnotated, owner: User) -> ModelVersion:
    dataset = drawn_dataset(annotated)
    bucket.previews(dataset)
    return now(begin_training(wanted(dataset), trainer(owner)))


def now(version: ModelVersion) -> ModelVersion:
    return ModelVersion.objects.get(pk=version.pk)


def deliver(*bodies: str) -> list[int]:
    """Hand messages over as SQS does. Returns the places of those that failed."""
    records = [{"messageId": str(place), "body": body} for place, body in enumerate(bodies)]
    answer = handle({"Records": records}, Context())
    return [int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]


def changed(kind: str, **detail: Any) -> str:
    """An event as EventBridge hands it to a queue."""
    about = {"version": "0", "id": str(uuid4()), "account": "123456789012", "time": "2026-11-01T12:00:00Z"}
    return json.dumps(
        {**about, "source": "aws.sagemaker", "detail-type": f"SageMaker {kind} State Change", "detail": detail}
    )


def of_job(name: str, status: str, secondary: str) -> str:
    return changed("Training Job", TrainingJobName=name, TrainingJobStatus=status, SecondaryStatus=secondary)


def test_a_training_goes_from_its_order_to_its_approval(version: ModelVersion, bucket: Bucket) -> None:
    name, job = f"imagesift-dev-train-{version.job_name}", version.job_name
    assert deliver(TrainingAnswer(version.pk, "train", job, job_name=name).to_json()) == []
    assert now(version).job_name == name
    assert deliver(of_job(name, "InProgress", "Training")) == []
    assert now(version).state == VersionState.TRAINING
    bucket.finish(version)
    assert deliver(of_job(name, "Completed", "Completed"), of_job(name, "InProgress", "Uploading")) == []
    assert now(version).state == VersionState.READY
    registered = TrainingAnswer(version.pk, "register", job, package_arn=PACKAGE).to_json()
    approval = changed("Model Package", ModelPackageArn=PACKAGE, ModelApprovalStatus="Approved")
    assert deliver(registered, approval) == []
    assert (now(version).package_arn, now(version).approval) == (PACKAGE, Approval.APPROVED)


def test_an_event_may_be_faster_than_the_answer(version: ModelVersion) -> None:
    name = f"imagesift-dev-train-{version.job_name}"
    assert deliver(of_job(name, "InProgress", "Downloading")) == []
    assert (now(version).state, now(version).job_name) == (VersionState.TRAINING, name)


def test_a_refusal_is_shown(version: ModelVersion) -> None:
    refused = TrainingAnswer(version.pk, "train", version.job_name, problem="No machine for you.")
    assert deliver(refused.to_json()) == []
    assert (now(version).state, now(version).error) == (VersionState.FAILED, "No machine for you.")


@pytest.mark.parametrize("kind", ["Training Job", "Model Package"])
def test_what_nobody_waits_for_is_passed_over(bucket: Bucket, kind: str) -> None:
    strange = changed(
        kind,
        TrainingJobName="imagesift-dev-train-of-somebody",
        TrainingJobStatus="Failed",
        ModelPackageArn=PACKAGE,
        ModelApprovalStatus="Approved",
    )
    gone = TrainingAnswer(uuid4(), "train", "111111112222-0a1b2c3d").to_json()
    assert deliver(strange, gone) == []


@pytest.mark.parametrize(
    "body",
    [
        changed("Endpoint", EndpointName="a"),
        changed("Training Job", TrainingJobStatus="Failed"),
        json.dumps({"source": "aws.ec2", "detail-type": "SageMaker Training Job State Change", "detail": {}}),
        json.dumps({"schema": "imagesift.training-answer/1", "version_id": "nobody", "order": "train"}),
    ],
)
def test_what_nobody_can_read_ends_among_the_dead_letters(bucket: Bucket, body: str) -> None:
    assert deliver(body) == [0]
