"""One upload that recognition gave up on: the result it has after all, or a failure in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from lambdas.places import DEAD_PREFIX, ImagePlace
from lambdas.pointers import ResultPointer
from recognition.result import ContractError, Failure, Result, Source, failed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

    from lambdas.s3_events import CreatedObject

GAVE_UP: Final = Failure(
    "gave_up",
    "Recognising this image failed several times because of a problem on our side. You can try again.",
    permanent=False,
)


class GivingUp:
    def __init__(
        self,
        s3: S3Client,
        sqs: SQSClient,
        derived_bucket: str,
        ingest_queue_url: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._s3 = s3
        self._sqs = sqs
        self._bucket = derived_bucket
        self._ingest_url = ingest_queue_url
        self._now = now

    def give_up(self, place: ImagePlace, created: CreatedObject) -> bool:
        """Tell ingest how this upload ended: False when it has a result after all, True when it has failed."""
        finished = self._result_of(place, created)
        key = finished or self._fail(place, created)
        pointer = ResultPointer(place.image_id, key)
        self._sqs.send_message(QueueUrl=self._ingest_url, MessageBody=pointer.to_json())
        return finished is None

    def _fail(self, place: ImagePlace, created: CreatedObject) -> str:
        moment = self._now()
        source = Source("uploads", created.key, created.etag, created.version_id)
        result = replace(failed(place.image_id, source, GAVE_UP), recognized_at=moment)
        key = place.dead_key(moment)
        self._s3.put_object(
            Bucket=self._bucket, Key=key, Body=result.to_json().encode(), ContentType="application/json"
        )
        return key

    def _result_of(self, place: ImagePlace, created: CreatedObject) -> str | None:
        """The key of the newest result of the same content that is more than a failure of ours."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=place.results)
        found = [entry for page in pages for entry in page.get("Contents", ())]
        for entry in sorted(found, key=lambda entry: entry["LastModified"], reverse=True):
            key = entry["Key"]
            if not key.removeprefix(place.results).startswith(DEAD_PREFIX) and self._is_of(key, created):
                return key
        return None

    def _is_of(self, key: str, created: CreatedObject) -> bool:
        with self._s3.get_object(Bucket=self._bucket, Key=key)["Body"] as body:
            try:
                return Result.from_json(body.read()).source.etag == created.etag
            except ContractError:
                return False
