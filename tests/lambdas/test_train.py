"""`train`: the portal's orders become SageMaker's jobs and packages, asked for in full and once each."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from lambdas.train import handler as train
from tests.lambdas.aws import moto_server
from tests.lambdas.seen_sagemaker import SeenSageMaker, refusal
from tests.lambdas.training_orders import ENVIRONMENT, FOLDER, GROUP, JOB, NAME, REGISTER, ROLE, TRAIN, VERSION, put
from tests.lambdas.world import DERIVED, World


@pytest.fixture
def sagemaker(aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SeenSageMaker]:
    seen = SeenSageMaker()
    with moto_server(seen.wrap) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", url)
        # moto would have a role of another form for each job.
        monkeypatch.setenv("SAGEMAKER_VALIDATE_ROLE", "false")
        yield seen


@pytest.fixture
def orders(world: World, sagemaker: SeenSageMaker, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The queue that S3 tells of new orders."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    train._ordering.cache_clear()
    queue = world.make_queue("train", VisibilityTimeout="360")
    world.notify(DERIVED, "outbox/training/", queue)
    yield queue
    train._ordering.cache_clear()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    written = io.StringIO()
    monkeypatch.setattr(train.logger.registered_handler, "stream", written)
    return written


def test_an_order_becomes_the_job_that_was_asked_for(world: World, orders: str, sagemaker: SeenSageMaker) -> None:
    put(world, "train", **TRAIN)

    world.drain(train.handle, orders)

    (asked,) = sagemaker.of("CreateTrainingJob")
    algorithm = asked.pop("AlgorithmSpecification")
    assert algorithm.pop("TrainingImage") == ENVIRONMENT["TRAINING_IMAGE"]
    assert algorithm.pop("ContainerEntrypoint") == ["/bin/bash", "-c"]
    (command,) = algorithm.pop("ContainerArguments")
    assert "/opt/ml/input/data/code/*.tar.gz" in command
    assert command.endswith("exec bash training/job.sh")
    assert len(command) <= 256
    assert [each["Name"] for each in algorithm.pop("MetricDefinitions")] == [
        "train:loss",
        "validation:map",
        "validation:map50",
    ]
    assert algorithm == {"TrainingInputMode": "File", "EnableSageMakerMetricsTimeSeries": True}
    channels = {each["ChannelName"]: each["DataSource"]["S3DataSource"] for each in asked.pop("InputDataConfig")}
    assert {name: source["S3Uri"] for name, source in channels.items()} == {
        "code": "s3://derived/code/training-0a1b.tar.gz",
        "annotations": f"s3://derived/{FOLDER}/data/{JOB}/annotations/",
        "images": "s3://derived/datasets/99999999-2222-3333-4444-555555555555/images/",
    }
    assert {(each["S3DataType"], each["S3DataDistributionType"]) for each in channels.values()} == {
        ("S3Prefix", "FullyReplicated")
    }
    assert asked == {
        "TrainingJobName": NAME,
        "RoleArn": ROLE,
        "HyperParameters": TRAIN["hyperparameters"],
        "OutputDataConfig": {"S3OutputPath": f"s3://derived/{FOLDER}/output/"},
        "CheckpointConfig": {"S3Uri": f"s3://derived/{FOLDER}/run", "LocalPath": "/opt/ml/checkpoints"},
        "ResourceConfig": {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50},
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
        "RetryStrategy": {"MaximumRetryAttempts": 2},
        "Tags": [{"Key": "application", "Value": "imagesift"}, {"Key": "stack", "Value": "dev"}],
    }
    assert world.keys("outbox/") == []
    assert world.told() == [
        {
            "schema": "imagesift.training-answer/1",
            "version_id": str(VERSION),
            "order": "train",
            "job": JOB,
            "job_name": NAME,
            "package_arn": "",
            "problem": "",
        }
    ]


def test_a_model_of_ours_comes_along_as_start_and_the_running_one_as_baseline(
    world: World, orders: str, sagemaker: SeenSageMaker
) -> None:
    earlier = f"models/{VERSION}/torch/"
    put(world, "train", **{**TRAIN, "start": earlier, "baseline": f"models/{VERSION}/model/"})
    world.drain(train.handle, orders)
    (asked,) = sagemaker.of("CreateTrainingJob")
    channels = {each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"] for each in asked["InputDataConfig"]}
    assert (channels["start"], channels["baseline"]) == (
        f"s3://derived/{earlier}",
        f"s3://derived/models/{VERSION}/model/",
    )


def test_machines_that_nobody_takes_back_are_not_waited_for(
    world: World, orders: str, sagemaker: SeenSageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINING_SPOT", "false")
    put(world, "train", **TRAIN)
    world.drain(train.handle, orders)
    (asked,) = sagemaker.of("CreateTrainingJob")
    assert asked["EnableManagedSpotTraining"] is False
    assert asked["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}


def test_the_same_order_twice_makes_one_job(world: World, orders: str, sagemaker: SeenSageMaker) -> None:
    put(world, "train", **TRAIN)
    world.drain(train.handle, orders)
    put(world, "train", **TRAIN)
    world.drain(train.handle, orders)
    answers = world.told()
    assert [answer["job_name"] for answer in answers] == [NAME, NAME]
    assert [answer["problem"] for answer in answers] == ["", ""]
    jobs = world.clients.sagemaker.list_training_jobs()["TrainingJobSummaries"]
    assert [job["TrainingJobName"] for job in jobs] == [NAME]


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        ("ResourceLimitExceeded", "The account-level limit is 0 Instances", "Service Quotas"),
        ("ValidationException", "Could not assume role", "the role of training jobs"),
        ("AccessDeniedException", "is not authorized", "its roles may have been changed"),
    ],
)
def test_what_sagemaker_refuses_is_told_in_a_sentence(
    world: World, orders: str, sagemaker: SeenSageMaker, code: str, message: str, words: str
) -> None:
    sagemaker.answers["CreateTrainingJob"] = refusal(code, message)
    put(world, "train", **TRAIN)
    world.drain(train.handle, orders)
    (answer,) = world.told()
    assert words in answer["problem"]
    assert message in answer["problem"]
    assert answer["job_name"] == ""
    assert world.keys("outbox/") == []


def test_what_may_pass_is_tried_again(world: World, orders: str, sagemaker: SeenSageMaker) -> None:
    sagemaker.answers["CreateTrainingJob"] = refusal("InternalFailure", "Try later")
    key = put(world, "train", **TRAIN)
    assert len(world.deliver(train.handle, orders)) == 1
    assert (world.told(), world.keys("outbox/")) == ([], [key])
    del sagemaker.answers["CreateTrainingJob"]
    world.drain(train.handle, orders)
    assert [answer["job_name"] for answer in world.told()] == [NAME]


def test_a_job_is_stopped(world: World, orders: str, sagemaker: SeenSageMaker) -> None:
    put(world, "stop")
    world.drain(train.handle, orders)
    assert sagemaker.of("StopTrainingJob") == [{"TrainingJobName": NAME}]
    assert [(answer["order"], answer["job_name"]) for answer in world.told()] == [("stop", NAME)]


def test_a_job_that_is_not_there_is_not_made_after_the_order_to_stop_it(
    world: World, orders: str, sagemaker: SeenSageMaker
) -> None:
    """A queue keeps no order: the word of the later object may come first."""
    sagemaker.answers["StopTrainingJob"] = refusal("ValidationException", "Requested resource not found.")
    put(world, "stop")
    world.drain(train.handle, orders)
    assert [(answer["order"], answer["job_name"]) for answer in world.told()] == [("stop", "")]
    sagemaker.answers["StopTrainingJob"] = ("200 OK", {})
    put(world, "train", **TRAIN)
    world.drain(train.handle, orders)
    operations = [name for name, _ in sagemaker.requests]
    assert operations == ["StopTrainingJob", "CreateTrainingJob", "StopTrainingJob"]


def test_stopping_takes_back_an_order_that_nobody_has_taken_yet(
    world: World, orders: str, sagemaker: SeenSageMaker
) -> None:
    sagemaker.answers["StopTrainingJob"] = refusal("ValidationException", "Requested resource not found.")
    put(world, "train", **TRAIN)
    world.take_all(orders)
    put(world, "stop")
    world.drain(train.handle, orders)
    assert world.keys("outbox/") == [f"outbox/training/{JOB}-stop.json"]
    assert sagemaker.of("CreateTrainingJob") == []


def test_a_model_is_registered_in_full_and_waits_for_approval(
    world: World, orders: str, sagemaker: SeenSageMaker
) -> None:
    world.clients.sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
    put(world, "register", **REGISTER)

    world.drain(train.handle, orders)

    (asked,) = sagemaker.of("CreateModelPackage")
    instances = ["ml.m5.large", "ml.m5.xlarge", "ml.c5.large", "ml.c5.xlarge", "ml.g5.xlarge"]
    statistics = {"ContentType": "application/json", "S3Uri": f"s3://derived/{FOLDER}/report.json"}
    assert asked == {
        "ModelPackageGroupName": GROUP,
        "ModelPackageDescription": REGISTER["description"],
        "InferenceSpecification": {
            "Containers": [
                {
                    "Image": ENVIRONMENT["SERVING_IMAGE"],
                    "ModelDataUrl": f"s3://derived/{FOLDER}/model.tar.gz",
                    "Environment": {
                        "SAGEMAKER_PROGRAM": "inference.py",
                        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
                    },
                }
            ],
            "SupportedContentTypes": ["image/jpeg", "image/png"],
            "SupportedResponseMIMETypes": ["application/json"],
            "SupportedRealtimeInferenceInstanceTypes": instances,
            "SupportedTransformInstanceTypes": instances,
        },
        "ModelApprovalStatus": "PendingManualApproval",
        "ModelMetrics": {"ModelQuality": {"Statistics": statistics}},
        "CustomerMetadataProperties": {"version_id": str(VERSION), "name": "shapes", "version": "2", "map50": "0.8312"},
        "ClientToken": JOB,
    }
    (answer,) = world.told()
    described = world.clients.sagemaker.describe_model_package(ModelPackageName=answer["package_arn"])
    assert described["ModelApprovalStatus"] == "PendingManualApproval"


@pytest.mark.parametrize(("order", "status"), [("approve", "Approved"), ("reject", "Rejected")])
def test_a_decision_reaches_the_registry(
    world: World, orders: str, sagemaker: SeenSageMaker, order: str, status: str
) -> None:
    world.clients.sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
    put(world, "register", **REGISTER)
    world.drain(train.handle, orders)
    ((package,),) = [[answer["package_arn"]] for answer in world.told()]
    put(world, order, package_arn=package, reason="Decided in the portal.")
    world.drain(train.handle, orders)
    assert world.clients.sagemaker.describe_model_package(ModelPackageName=package)["ModelApprovalStatus"] == status
    (asked,) = sagemaker.of("UpdateModelPackage")
    assert asked == {
        "ModelPackageArn": package,
        "ModelApprovalStatus": status,
        "ApprovalDescription": "Decided in the portal.",
    }


@pytest.mark.parametrize(
    "order",
    [
        {"order": "delete"},
        {"order": "stop", "schema": "imagesift.training-order/2"},
        {"order": "stop", "job": "../../somebody-else"},
        {"order": "train", **TRAIN, "annotations": "derived/7/"},
        {"order": "train", **TRAIN, "start": f"models/{VERSION}/../../uploads/"},
    ],
)
def test_what_is_no_order_ends_among_the_dead_letters(
    world: World, orders: str, sagemaker: SeenSageMaker, log: io.StringIO, order: dict[str, Any]
) -> None:
    document = {"schema": "imagesift.training-order/1", "version_id": str(VERSION), "job": JOB, **order}
    world.write("outbox/training/wrong.json", document)
    assert len(world.deliver(train.handle, orders)) == 1
    assert "order" in json.loads(log.getvalue().splitlines()[-1])["message"]
    assert sagemaker.requests == []
