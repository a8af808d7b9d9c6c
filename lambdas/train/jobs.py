"""Training jobs: what SageMaker is asked for, and what it says when it will not.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lambdas.train.refusals import explained
from training.config import METRIC_DEFINITIONS

if TYPE_CHECKING:
    from lambdas.config import TrainConfig
    from lambdas.train.orders import Train

_INPUT: Final = "/opt/ml/input/data"
_CHECKPOINTS: Final = "/opt/ml/checkpoints"
# More than a dataset's previews and the model; instances with disks of their own have more in any case.
_VOLUME_GB: Final = 50
_SERVICE_FAULTS: Final = 2
# The script of the archive, in whatever image there is: AWS documents the entry point from outside of it under
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-dockerfile.html. So the image needs no
# toolkit of SageMaker's, and what is sent as a signal reaches the training. An argument is at most 256 characters long.
_COMMAND: Final = (
    f"mkdir -p /tmp/job && tar -xzf {_INPUT}/code/*.tar.gz -C /tmp/job && cd /tmp/job && exec bash training/job.sh"
)
# What says that there is nothing to stop: no such job, or it has ended.
_NOTHING_TO_STOP: Final = ("ValidationException", "ResourceNotFound", "ResourceNotFoundException")


class Jobs:
    def __init__(self, sagemaker: Any, config: TrainConfig) -> None:
        self._sagemaker = sagemaker
        self._config = config

    def name_of(self, job: str) -> str:
        """At most 63 characters, as SageMaker takes them."""
        return f"{self._config.training_jobs}-{job}"

    def create(self, order: Train) -> str:
        """Returns the job's name; there is one job however often this is asked. Raises Refused."""
        try:
            self._sagemaker.create_training_job(**self.request(order))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceInUse":
                raise explained(error, self._config.training_instance) from error
        return self.name_of(order.job)

    def stop(self, job: str) -> bool:
        """False where there is no such job, or none any more that runs."""
        try:
            self._sagemaker.stop_training_job(TrainingJobName=self.name_of(job))
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOTHING_TO_STOP:
                return False
            raise
        return True

    def request(self, order: Train) -> dict[str, Any]:
        """What CreateTrainingJob is sent."""
        config = self._config
        stopping = {"MaxRuntimeInSeconds": config.training_seconds}
        if config.training_spot:
            stopping["MaxWaitTimeInSeconds"] = max(config.training_seconds, config.training_patience_seconds)
        return {
            "TrainingJobName": self.name_of(order.job),
            "AlgorithmSpecification": {
                "TrainingImage": config.training_image,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["/bin/bash", "-c"],
                "ContainerArguments": [_COMMAND],
                "MetricDefinitions": [dict(each) for each in METRIC_DEFINITIONS],
                "EnableSageMakerMetricsTimeSeries": True,
            },
            "RoleArn": config.training_role,
            "HyperParameters": dict(order.hyperparameters),
            "InputDataConfig": list(self._channels(order)),
            "OutputDataConfig": {"S3OutputPath": self._address(f"{order.folder}output/")},
            "CheckpointConfig": {"S3Uri": self._address(f"{order.folder}run"), "LocalPath": _CHECKPOINTS},
            "ResourceConfig": {
                "InstanceType": config.training_instance,
                "InstanceCount": 1,
                "VolumeSizeInGB": _VOLUME_GB,
            },
            "EnableManagedSpotTraining": config.training_spot,
            "StoppingCondition": stopping,
            "RetryStrategy": {"MaximumRetryAttempts": _SERVICE_FAULTS},
            "Tags": [{"Key": key, "Value": value} for key, value in config.job_tags.items()],
        }

    def _channels(self, order: Train) -> Iterator[dict[str, Any]]:
        keys = {
            "code": self._config.training_code,
            # One beside the other they are a dataset as the training knows it.
            "annotations": order.annotations,
            "images": order.images,
            "start": order.start,
            "baseline": order.baseline,
        }
        for name, key in keys.items():
            if key is not None:
                source = {"S3DataType": "S3Prefix", "S3Uri": self._address(key)}
                source["S3DataDistributionType"] = "FullyReplicated"
                yield {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}

    def _address(self, key: str) -> str:
        return f"s3://{self._config.derived_bucket}/{key}"
