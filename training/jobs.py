"""Training jobs on Amazon SageMaker, through its SDK 3: an extra for the operator's machine, `make sagemaker`.

Nothing here may be imported where the SDK is missing, but for annotations: it is imported within functions.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from training.config import METRIC_DEFINITIONS
from training.errors import TrainingFailed
from training.places import Place, said_plainly, upload
from training.source import COMMAND, REQUIREMENTS, write_source

TRANSFORMERS: Final = "5.3.0"
"""Hugging Face's newest training container; the job brings its own transformers along, see requirements.txt."""
_CONFIG: Final = "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is asked of SageMaker. `channels` by name: an address in S3, or a file or folder here, which is uploaded.

    `seconds` is the longest that it may run, `wait_s` the longest until its end with all waiting for spot machines.
    """

    name: str
    place: Place
    role: str
    image: str
    instance: str
    channels: Mapping[str, Place | Path]
    hyperparameters: Mapping[str, str]
    seconds: int
    wait_s: int | None = None
    volume_gb: int = 50
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def spot(self) -> bool:
        return self.wait_s is not None

    @property
    def run(self) -> Place:
        """Where the run folder is copied to as it grows, and from where a job that was interrupted goes on."""
        return self.place / "run"


def training_image(region: str, instance: str, version: str = TRANSFORMERS) -> str:
    """The address of Hugging Face's training container with this version of transformers. Raises TrainingFailed."""
    with _sdk():
        from sagemaker.core import image_uris

        try:
            return str(
                image_uris.retrieve(
                    "huggingface",
                    region,
                    version=version,
                    py_version=None,
                    instance_type=instance,
                    image_scope="training",
                    base_framework_version=_pytorch(image_uris, version),
                )
            )
        except (KeyError, ValueError) as error:
            raise TrainingFailed(f"There is no training container for {instance} in {region}: {error}") from error


def _pytorch(image_uris: Any, version: str) -> str:
    """The one of PyTorch that goes with this version of transformers."""
    versions = image_uris.config_for_framework("huggingface")["training"]["versions"]
    if version not in versions:
        raise TrainingFailed(
            f"Hugging Face has no training container with transformers {version}; there are {', '.join(versions)}."
        )
    return next(name for name in versions[version] if name.startswith("pytorch"))


def submit(job: Job, session: Any) -> str:
    """Upload what is here, start the job, and return its name. `session` is boto3's. Raises TrainingFailed."""
    s3 = session.client("s3")
    channels = {
        name: source if isinstance(source, Place) else upload(s3, source, job.place / "input" / name)
        for name, source in job.channels.items()
    }
    with _sdk(), TemporaryDirectory() as folder, said_plainly("Starting the training job"):
        trainer = _trainer(job, session, write_source(Path(folder) / "source"))
        try:
            trainer.train(input_data_config=_inputs(channels), wait=False, logs=False)
        except (ValueError, RuntimeError) as error:
            raise TrainingFailed(f"SageMaker's SDK refuses the job: {_first_line(error)}") from error
        return str(trainer._latest_training_job.training_job_name)


def _trainer(job: Job, session: Any, source: Path) -> Any:
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.training import configs
    from sagemaker.train import ModelTrainer

    staged = job.place / "source"
    try:
        trainer = ModelTrainer(
            sagemaker_session=Session(session, default_bucket=staged.bucket, default_bucket_prefix=staged.key),
            role=job.role,
            base_job_name=job.name,
            training_image=job.image,
            source_code=configs.SourceCode(source_dir=str(source), requirements=REQUIREMENTS, command=COMMAND),
            compute=configs.Compute(
                instance_type=job.instance,
                instance_count=1,
                volume_size_in_gb=job.volume_gb,
                enable_managed_spot_training=job.spot,
            ),
            stopping_condition=configs.StoppingCondition(
                max_runtime_in_seconds=job.seconds, **({"max_wait_time_in_seconds": job.wait_s} if job.spot else {})
            ),
            output_data_config=configs.OutputDataConfig(s3_output_path=str(job.place / "output")),
            checkpoint_config=configs.CheckpointConfig(s3_uri=str(job.run), local_path="/opt/ml/checkpoints"),
            hyperparameters=dict(job.hyperparameters),
            tags=[configs.Tag(key=key, value=value) for key, value in job.tags.items()],
        )
    except ValueError as error:
        raise TrainingFailed(f"SageMaker's SDK refuses the job: {_first_line(error)}") from error
    metrics = [configs.MetricDefinition(name=each["Name"], regex=each["Regex"]) for each in METRIC_DEFINITIONS]
    return trainer.with_metric_definitions(metrics)


def _inputs(channels: Mapping[str, Place]) -> Sequence[Any]:
    from sagemaker.core.training.configs import InputData

    return [InputData(channel_name=name, data_source=str(place)) for name, place in channels.items()]


@contextmanager
def _sdk() -> Iterator[None]:
    """SageMaker's SDK, without its telemetry, its own defaults from elsewhere, and its chatter."""
    with TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(_CONFIG)
        before = os.environ.get("SAGEMAKER_USER_CONFIG_OVERRIDE")
        os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = str(config)
        try:
            import sagemaker.train  # noqa: F401

            for name in ("sagemaker", "sagemaker.core", "sagemaker.core.utils.utils", "sagemaker.config"):
                logging.getLogger(name).setLevel(logging.CRITICAL)
            yield
        except ImportError as error:
            raise TrainingFailed(f"SageMaker's SDK is not installed here: run `make sagemaker`. ({error})") from error
        finally:
            if before is None:
                del os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"]
            else:
                os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = before


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
