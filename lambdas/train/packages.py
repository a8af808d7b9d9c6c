"""Models in SageMaker's registry: a package for each version, in the stack's group.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lambdas.train.refusals import explained
from training.metadata import taken

if TYPE_CHECKING:
    from lambdas.config import TrainConfig
    from lambdas.train.orders import Decide, Register

_INSTANCES: Final = ("ml.m5.large", "ml.m5.xlarge", "ml.c5.large", "ml.c5.xlarge", "ml.g5.xlarge")
_PICTURES: Final = ("image/jpeg", "image/png")
_JSON: Final = "application/json"
_SERVING: Final = {
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    # One process: each would load a model of its own.
    "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
}


class Packages:
    def __init__(self, sagemaker: Any, config: TrainConfig) -> None:
        self._sagemaker = sagemaker
        self._config = config

    def create(self, order: Register) -> str:
        """The ARN of the package, which waits for approval; asked again, there is no other. Raises Refused."""
        try:
            answer = self._sagemaker.create_model_package(**self.request(order))
        except ClientError as error:
            raise explained(error, self._config.training_instance) from error
        return str(answer["ModelPackageArn"])

    def decide(self, order: Decide) -> None:
        """Raises Refused."""
        try:
            self._sagemaker.update_model_package(
                ModelPackageArn=order.package_arn,
                ModelApprovalStatus=order.status,
                ApprovalDescription=order.reason,
            )
        except ClientError as error:
            raise explained(error, self._config.training_instance) from error

    def request(self, order: Register) -> dict[str, Any]:
        """What CreateModelPackage is sent."""
        bucket = f"s3://{self._config.derived_bucket}"
        statistics = {"ContentType": _JSON, "S3Uri": f"{bucket}/{order.report}"}
        container = {
            "Image": self._config.serving_image,
            "ModelDataUrl": f"{bucket}/{order.archive}",
            "Environment": dict(_SERVING),
        }
        return {
            "ModelPackageGroupName": self._config.model_package_group,
            "ModelPackageDescription": order.description,
            "InferenceSpecification": {
                "Containers": [container],
                "SupportedContentTypes": list(_PICTURES),
                "SupportedResponseMIMETypes": [_JSON],
                "SupportedRealtimeInferenceInstanceTypes": list(_INSTANCES),
                "SupportedTransformInstanceTypes": list(_INSTANCES),
            },
            "ModelApprovalStatus": "PendingManualApproval",
            "ModelMetrics": {"ModelQuality": {"Statistics": statistics}},
            "CustomerMetadataProperties": taken({"version_id": str(order.version_id), **order.about}),
            # Whoever asks twice gets the one package.
            "ClientToken": order.job,
        }
