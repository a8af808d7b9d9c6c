"""One order of the outbox: done or refused, told to the portal, and taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lambdas.pointers import TrainingAnswer
from lambdas.train.jobs import Jobs
from lambdas.train.orders import FOLDER, AnyOrder, Register, Stop, Train, read_order
from lambdas.train.packages import Packages
from lambdas.train.refusals import Refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

    from lambdas.config import TrainConfig

_ABSENT: Final = frozenset({"NoSuchKey", "404"})


class Ordering:
    def __init__(self, s3: S3Client, sqs: SQSClient, sagemaker: Any, config: TrainConfig) -> None:
        self._s3 = s3
        self._sqs = sqs
        self._bucket = config.derived_bucket
        self._ingest_url = config.ingest_queue_url
        self._jobs = Jobs(sagemaker, config)
        self._packages = Packages(sagemaker, config)

    def take(self, key: str) -> TrainingAnswer | None:
        """Do what lies at `key`, tell the portal, and delete it; None when it is gone, having been done or taken back.

        Raises OrderError for what nobody can read, and AWS's errors where trying again may help. Where the process ends
        half-way, it is done again, which changes nothing.
        """
        content = self._content(key)
        if content is None:
            return None
        word, order = read_order(content)
        try:
            done = self._do(order)
            answer = TrainingAnswer(order.version_id, word, order.job, **done)
        except Refused as refusal:
            answer = TrainingAnswer(order.version_id, word, order.job, problem=str(refusal).strip())
        self._sqs.send_message(QueueUrl=self._ingest_url, MessageBody=answer.to_json())
        if not isinstance(order, Stop):
            self._s3.delete_object(Bucket=self._bucket, Key=key)
        return answer

    def _do(self, order: AnyOrder) -> dict[str, str]:
        if isinstance(order, Train):
            return {"job_name": self._train(order)}
        if isinstance(order, Stop):
            return {"job_name": self._stop(order)}
        if isinstance(order, Register):
            return {"package_arn": self._packages.create(order)}
        self._packages.decide(order)
        return {"package_arn": order.package_arn}

    def _train(self, order: Train) -> str:
        name = self._jobs.create(order)
        if self._content(_key(order.job, "stop")) is not None:
            # Asked for in the meantime, or before: the queue keeps no order. The job must not run on unseen.
            self._jobs.stop(order.job)
        return name

    def _stop(self, order: Stop) -> str:
        """The name of the job that ends; "" where there is none. The order stays, for a job that is yet to be made."""
        if self._jobs.stop(order.job):
            return self._jobs.name_of(order.job)
        self._s3.delete_object(Bucket=self._bucket, Key=_key(order.job, "train"))
        return ""

    def _content(self, key: str) -> bytes | None:
        try:
            with self._s3.get_object(Bucket=self._bucket, Key=key)["Body"] as body:
                return body.read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise


def _key(job: str, word: str) -> str:
    """Where the portal puts an order."""
    return f"{FOLDER}{job}-{word}.json"
