"""The AWS clients of one process, each made when it is first used.

botocore makes them without boto3, whose resources and transfers nothing here needs. Where a service answers can be
changed by botocore's own AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE>.
"""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient

_ATTEMPTS: Final = 4
_CONNECT_TIMEOUT_S: Final = 5
_READ_TIMEOUT_S: Final = 20


class Clients:
    """One client for each service, for all threads; botocore tries again what may pass."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    @property
    def s3(self) -> S3Client:
        return cast("S3Client", self._client("s3"))

    @property
    def sqs(self) -> SQSClient:
        return cast("SQSClient", self._client("sqs"))

    @property
    def dynamodb(self) -> DynamoDBClient:
        return cast("DynamoDBClient", self._client("dynamodb"))

    @property
    def sesv2(self) -> SESV2Client:
        return cast("SESV2Client", self._client("sesv2"))

    @property
    def sagemaker(self) -> Any:
        return self._client("sagemaker")

    @property
    def rds_data(self) -> Any:
        return self._client("rds-data")

    def _client(self, service: str) -> Any:
        with self._lock:
            if service not in self._made:
                self._made[service] = self.session.create_client(service, config=self._config)
            return self._made[service]

    @cached_property
    def _made(self) -> dict[str, Any]:
        return {}

    @cached_property
    def session(self) -> Any:
        """botocore's, for clients that are set up otherwise."""
        import botocore.session

        return botocore.session.get_session()

    @cached_property
    def _config(self) -> Any:
        from botocore.config import Config

        return Config(
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
        )
