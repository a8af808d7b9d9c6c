"""Reading originals and earlier results, and writing what is made of them: all that `recognize` does with S3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from lambdas.places import BUDGETS_KEY, ImagePlace
from recognition.result import ContractError, Result, Status

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from recognition.image import PreparedImage

_ABSENT: Final = frozenset({"NoSuchKey", "404"})
_EXISTS: Final = "PreconditionFailed"


@dataclass(frozen=True, slots=True)
class Original:
    """What lies in the uploads bucket now; `content` is None where it is larger than we read."""

    byte_size: int
    etag: str
    version_id: str | None
    content: bytes | None


class Store:
    def __init__(self, s3: S3Client, uploads_bucket: str, derived_bucket: str) -> None:
        self._s3 = s3
        self._uploads = uploads_bucket
        self._derived = derived_bucket

    def original(self, key: str, max_bytes: int) -> Original | None:
        """The uploaded object, read in one go; None when it was deleted meanwhile."""
        try:
            answer = self._s3.get_object(Bucket=self._uploads, Key=key)
        except ClientError as error:
            if _is_absent(error):
                return None
            raise
        with answer["Body"] as body:
            size = answer["ContentLength"]
            content = body.read() if size <= max_bytes else None
        return Original(size, answer["ETag"].strip('"'), answer.get("VersionId"), content)

    def budgets(self) -> bytes | None:
        return self._read(BUDGETS_KEY)

    def has(self, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=self._derived, Key=key)
        except ClientError as error:
            if _is_absent(error):
                return False
            raise
        return True

    def unfinished(self, place: ImagePlace, sha256: str, configuration: str) -> Result | None:
        """What earlier attempts at this very image have paid for."""
        return self._result(place.unfinished_key(sha256, configuration))

    def newest_of_content(self, place: ImagePlace, sha256: str, configuration: str) -> Result | None:
        """The newest result of the same content among all the owner's images, finished or not."""
        key = self._read(place.content_key(sha256, configuration))
        return None if key is None else self._result(key.decode())

    def keep_unfinished(self, place: ImagePlace, sha256: str, result: Result) -> None:
        key = place.unfinished_key(sha256, result.configuration)
        self._write(key, result.to_json().encode(), "application/json")
        self._name_newest(place, sha256, result, key)

    def keep_result(self, place: ImagePlace, sha256: str, key: str, result: Result) -> None:
        """Write a result once: what lies at `key` already stays as it is."""
        try:
            self._write(key, result.to_json().encode(), "application/json", IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] != _EXISTS:
                raise
        if result.status is Status.RECOGNIZED:
            self._name_newest(place, sha256, result, key)

    def keep_pictures(self, place: ImagePlace, prepared: PreparedImage) -> None:
        self._write(place.preview_key, prepared.preview, "image/jpeg")
        self._write(place.thumbnail_key, prepared.thumbnail, "image/jpeg")

    def _name_newest(self, place: ImagePlace, sha256: str, result: Result, key: str) -> None:
        self._write(place.content_key(sha256, result.configuration), key.encode(), "text/plain")

    def _write(self, key: str, content: bytes, content_type: str, **options: Any) -> None:
        self._s3.put_object(Bucket=self._derived, Key=key, Body=content, ContentType=content_type, **options)

    def _read(self, key: str) -> bytes | None:
        try:
            with self._s3.get_object(Bucket=self._derived, Key=key)["Body"] as body:
                return body.read()
        except ClientError as error:
            if _is_absent(error):
                return None
            raise

    def _result(self, key: str) -> Result | None:
        """The result at `key`; None where there is none that can be read, which costs money but stops nothing."""
        document = self._read(key)
        try:
            return None if document is None else Result.from_json(document)
        except ContractError:
            return None


def _is_absent(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in _ABSENT
