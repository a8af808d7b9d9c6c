"""`python -m training status` against moto over HTTP: what a person reads of a job."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from tests.training.recorded import BUCKET, ROLE, Recorder, recorded
from training.__main__ import main
from training.commands import status as command
from training.following import Standing, look
from training.places import session

RUN = f"s3://{BUCKET}/models/shapes-v3/run"
RECORDS: tuple[dict[str, Any], ...] = (
    {"kind": "phase", "phase": "training", "at": "2026-01-01T00:00:00Z"},
    {"kind": "step", "step": 40, "of": 300, "loss": 1.2345, "learning_rate": 1e-4, "seconds_left": 260.0},
    {"kind": "validation", "step": 50, "map": 0.31, "map50": 0.52, "best": True},
)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    with recorded(monkeypatch) as recorder:
        yield recorder


@pytest.fixture
def job(aws: Recorder) -> str:
    boto3.client("sagemaker").create_training_job(
        TrainingJobName="shapes-v3-1",
        AlgorithmSpecification={"TrainingImage": "image", "TrainingInputMode": "File"},
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/models/shapes-v3/output"},
        ResourceConfig={"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
        CheckpointConfig={"S3Uri": RUN},
    )
    return "shapes-v3-1"


def tell(*records: dict[str, Any], unfinished: str = "") -> None:
    content = "".join(json.dumps(each) + "\n" for each in records) + unfinished
    boto3.client("s3").put_object(Bucket=BUCKET, Key="models/shapes-v3/run/progress.jsonl", Body=content.encode())


def test_a_job_is_looked_at_with_one_request(aws: Recorder, job: str, capsys: pytest.CaptureFixture[str]) -> None:
    tell(*RECORDS, unfinished='{"kind": "st')
    aws.asked.clear()
    assert main(["status", job]) == 0
    assert aws.asked == [("DescribeTrainingJob", {"TrainingJobName": job})]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{job}: Completed"
    assert lines[1:4] == [
        "  training",
        "  step 40 of 300: loss 1.234, about 4 min left",
        "  step 50: validation mAP50 0.520, the best so far",
    ]
    assert f"  run folder {RUN}" in lines
    assert lines[-1] == f"  result {RUN}/result, for `register`"


def test_before_it_has_written_anything_there_is_nothing_to_show(
    aws: Recorder, job: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", job]) == 0
    assert "step" not in capsys.readouterr().out


def test_a_job_that_is_not_there_is_said_in_one_line(aws: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "of-nobody"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("Looking at of-nobody failed: ")
    assert error.count("\n") == 1


def test_without_a_region_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    assert main(["status", "job"]) == 1
    assert capsys.readouterr().err == "No AWS region is set: give --region, or set AWS_DEFAULT_REGION.\n"


def described(**more: Any) -> dict[str, Any]:
    """As SageMaker describes a job that it runs; moto's are over at once."""
    return {
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Training",
        "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1},
        **more,
    }


class Described:
    """A boto3 session whose SageMaker describes the job so."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self._answers = list(answers)

    def client(self, service: str) -> Any:
        return self if service == "sagemaker" else boto3.client(service)

    def describe_training_job(self, **_: str) -> dict[str, Any]:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def standing(**more: Any) -> Standing:
    return look("job", Described(described(**more)))


def test_while_it_runs_it_costs_what_has_passed() -> None:
    since = datetime.now(UTC) - timedelta(minutes=30)
    assert standing(TrainingStartTime=since).dollars == pytest.approx(0.704, abs=0.001)
    assert standing().dollars == 0


def test_in_the_end_it_costs_what_is_billed() -> None:
    ended = standing(TrainingJobStatus="Completed", TrainingTimeInSeconds=3600, BillableTimeInSeconds=1080)
    assert ended.dollars == pytest.approx(0.4224)
    assert ended.saved == pytest.approx(0.7)


def test_of_an_unknown_instance_no_cost_is_made_up() -> None:
    assert standing(ResourceConfig={"InstanceType": "ml.of.tomorrow"}).dollars is None


def test_watching_goes_on_until_it_has_ended_and_tells_what_is_new(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    starting = described(SecondaryStatus="Starting")
    failed = described(TrainingJobStatus="Failed", SecondaryStatus="Failed", FailureReason="The disk is full.")
    answers = Described(starting, starting, described(), failed)
    monkeypatch.setattr(command, "session", lambda _region: answers)
    assert main(["status", "job", "--watch", "--every=0.01"]) == 1
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("job", "  The"))]
    assert told == ["job: InProgress (Starting)", "job: InProgress (Training)", "job: Failed", "  The disk is full."]


def test_credentials_are_the_persons_own(aws: Recorder) -> None:
    assert session("us-east-2").region_name == "us-east-2"
    assert session(None).get_credentials().access_key == "testing"
