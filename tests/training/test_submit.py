"""`python -m training submit` against moto over HTTP: what SageMaker is asked, and what lies in S3 for the job."""

from __future__ import annotations

import importlib.util
import io
import json
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.requirements import required
from tests.training.recorded import BUCKET, REGION, ROLE, Recorder, keys, recorded
from training.__main__ import main
from training.config import METRIC_DEFINITIONS, TrainConfig, parse
from training.drawn import write_folder
from training.jobs import training_image
from training.prices import HOURLY, cost

if importlib.util.find_spec("sagemaker") is None:
    required("sagemaker", "SageMaker's SDK is not installed (make sagemaker)")

pytestmark = pytest.mark.slow

IMAGE = (
    f"763104351884.dkr.ecr.{REGION}.amazonaws.com/"
    "huggingface-pytorch-training:2.9.0-transformers5.3.0-gpu-py312-cu130-ubuntu22.04"
)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    with recorded(monkeypatch) as recorder:
        yield recorder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "data", train=2, validation=1, test=1)


def submit(data: object, *more: str) -> int:
    return main(["submit", f"--data={data}", f"--to=s3://{BUCKET}/models", f"--role={ROLE}", *more])


def channels(request: dict[str, Any]) -> dict[str, str]:
    return {each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"] for each in request["InputDataConfig"]}


def test_the_whole_request(aws: Recorder, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = ("--start=tiny-shapes", "--name=my shapes", "--model-version=3", "--tag=team=a b", "--hours=1")
    theirs = ("--steps=50", "--flip=off", "--least_images=20")
    assert submit(data, "--yes", *own, "--wait-hours=3", "--", *theirs) == 0
    (request,) = aws.bodies("CreateTrainingJob")
    job, place = request.pop("TrainingJobName"), request["OutputDataConfig"]["S3OutputPath"].removesuffix("/output")
    assert job.startswith("my-shapes-v3-")
    assert place.startswith(f"s3://{BUCKET}/models/my-shapes-v3-")
    staged = f"{place}/source/my-shapes-v3/{job}/input"
    uris = {"data": f"{place}/input/data", "start": f"{place}/input/start"}
    uris |= {"code": f"{staged}/code", "sm_drivers": f"{staged}/sm_drivers"}
    assert request == {
        "HyperParameters": {
            "name": "my shapes",
            "model_version": "3",
            "steps": "50",
            "flip": "off",
            "least_images": "20",
        },
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [dict(each) for each in METRIC_DEFINITIONS],
            "ContainerEntrypoint": ["/bin/bash"],
            "ContainerArguments": request["AlgorithmSpecification"]["ContainerArguments"],
        },
        "RoleArn": ROLE,
        "InputDataConfig": [
            {
                "ChannelName": name,
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": uri,
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
                "InputMode": "File",
            }
            for name, uri in uris.items()
        ],
        "OutputDataConfig": {"S3OutputPath": f"{place}/output", "CompressionType": "GZIP"},
        "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 10800},
        "EnableManagedSpotTraining": True,
        "CheckpointConfig": {"S3Uri": f"{place}/run", "LocalPath": "/opt/ml/checkpoints"},
        "Tags": [{"Key": "project", "Value": "imagesift"}, {"Key": "team", "Value": "a b"}],
    }
    assert f"Started {job}." in capsys.readouterr().out


def test_what_lies_in_s3_is_what_the_job_reads(aws: Recorder, data: Path) -> None:
    assert submit(data, "--yes", "--start=tiny-shapes") == 0
    found = {name: within(uri) for name, uri in channels(aws.bodies("CreateTrainingJob")[0]).items()}
    assert found["data"] == sorted(path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file())
    assert {"config.json", "model.safetensors", "preprocessor_config.json"} <= set(found["start"])
    assert {"requirements.txt", "training/__main__.py", "recognition/detectors/onnx.py"} <= set(found["code"])
    assert not [name for name in found["code"] if "starts/" in name or "__pycache__" in name]
    script = read(channels(aws.bodies("CreateTrainingJob")[0])["sm_drivers"], "sm_train.sh")
    assert "install_requirements.py requirements.txt" in script
    assert "\nexec $SM_PYTHON_CMD -m training train\n" in script


def within(uri: str) -> list[str]:
    prefix = uri.removeprefix(f"s3://{BUCKET}/") + "/"
    return [key.removeprefix(prefix) for key in keys(prefix)]


def read(uri: str, name: str) -> str:
    key = f"{uri.removeprefix(f's3://{BUCKET}/')}/{name}"
    return str(boto3.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read().decode())


def test_what_lies_in_s3_already_is_not_uploaded(aws: Recorder) -> None:
    more = (f"--start=s3://{BUCKET}/old/result/torch", f"--baseline-model=s3://{BUCKET}/old/result/model.tar.gz")
    assert submit(f"s3://{BUCKET}/datasets/1", "--yes", *more) == 0
    asked = channels(aws.bodies("CreateTrainingJob")[0])
    assert asked["data"] == f"s3://{BUCKET}/datasets/1"
    assert asked["start"] == f"s3://{BUCKET}/old/result/torch"
    assert asked["baseline"] == f"s3://{BUCKET}/old/result/model.tar.gz"
    assert not [key for key in keys() if "/input/data/" in key]


def test_a_start_of_the_hub_is_a_hyperparameter(aws: Recorder, data: Path) -> None:
    assert submit(data, "--yes") == 0
    (request,) = aws.bodies("CreateTrainingJob")
    assert "start" not in channels(request)
    assert request["HyperParameters"]["start"] == "rtdetr-v2-r18"


def test_on_demand_has_no_waiting(aws: Recorder, data: Path) -> None:
    assert submit(data, "--yes", "--on-demand", "--start=tiny-shapes", "--instance=ml.g4dn.xlarge") == 0
    (request,) = aws.bodies("CreateTrainingJob")
    assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200}
    assert request["EnableManagedSpotTraining"] is False
    assert request["ResourceConfig"]["InstanceType"] == "ml.g4dn.xlarge"


def test_the_hyperparameters_come_back_as_the_training_that_was_asked_for(aws: Recorder, data: Path) -> None:
    given = ["--steps=70", "--int8", "--learning-rate=0.0005", "--transpose", "--least-margin=0.02"]
    assert submit(data, "--yes", "--name=shapes", "--", *given) == 0
    environ = {"SM_HPS": json.dumps(aws.bodies("CreateTrainingJob")[0]["HyperParameters"])}
    places = ["--data=data", "--out=out"]
    expected = parse([*places, *given, "--name=shapes"], {})
    assert parse(places, environ) == expected
    assert expected != TrainConfig(data=Path("data"), out=Path("out"))


def test_nothing_starts_unless_somebody_agrees(
    aws: Recorder, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(data) == 1
    assert capsys.readouterr().err == "Nobody is there to confirm this: --yes does.\n"
    for answer, jobs in (("n\n", 0), ("\n", 0), ("y\n", 1)):
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        assert submit(data, "--start=tiny-shapes") == 0
        shown = capsys.readouterr()
        assert "cost       at most $2.82 for 2 h; on spot between $0.28 and that" in shown.out
        assert shown.err == "Start this job? [y/N] "
        assert len(aws.bodies("CreateTrainingJob")) == jobs
        assert bool(keys()) == bool(jobs)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_sdk_tells_nobody_of_it(aws: Recorder, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever leaves for elsewhere than AWS_ENDPOINT_URL goes through this proxy."""
    with Proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert submit(data, "--yes", "--start=tiny-shapes") == 0
        for thread in threading.enumerate():
            if thread.name == "sagemaker-telemetry":
                thread.join(timeout=20)
    assert proxy.callers == 0


class Proxy:
    """Counts who connects, and hangs up."""

    def __enter__(self) -> Proxy:
        self.callers = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._count, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _count(self) -> None:
        try:
            while True:
                self._server.accept()[0].close()
                self.callers += 1
        except OSError:
            return


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--hours=8",), "--wait-hours must not be less than --hours: it is the time with all waiting.\n"),
        (("--", "--start=tiny-shapes"), "--start cannot be given to a job after the --. Give it before the --."),
        (("--", "--restart", "on"), "--restart cannot be given to a job after the --."),
        (("--start=nowhere",), "There is nothing to start from: nowhere is not there."),
        (("--transformers=1.2.3",), "Hugging Face has no training container with transformers 1.2.3"),
        (("--instance=ml.m5.large",), f"There is no training container for ml.m5.large in {REGION}"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    aws: Recorder, data: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], sentence: str
) -> None:
    assert submit(data, "--yes", *more) == 1
    error = capsys.readouterr().err
    assert error.startswith(sentence)
    assert error.count("\n") == 1
    assert not aws.bodies("CreateTrainingJob")


def test_what_sagemaker_refuses_is_said_in_one_line(
    aws: Recorder, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", f"--data={data}", "--to=s3://not-there/models", f"--role={ROLE}", "--yes"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"Uploading {data} to s3://not-there/models/detector-v1-")
    assert "The specified bucket does not exist" in error
    assert error.count("\n") == 1


def test_an_unknown_setting_is_refused_before_anything_is_asked(aws: Recorder, data: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        submit(data, "--yes", "--", "--stepps=5")
    assert ended.value.code == 2
    assert not aws.asked


def test_prices_are_known_for_the_instances_that_there_are_containers_for() -> None:
    assert all(training_image(REGION, instance) == IMAGE for instance in HOURLY)
    assert cost("ml.of.tomorrow", 1, spot=True) is None
    found = cost("ml.g5.xlarge", 2, spot=True, hourly=1.5)
    assert found is not None
    assert (found.on_demand, round(found.least, 2)) == (3.0, 0.3)
