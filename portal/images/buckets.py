"""What the portal asks of S3 itself, beyond what Django's storages do: signed addresses, copies, folders erased."""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django.core.files.storage import storages

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

logger = logging.getLogger(__name__)

AT_ONCE = 8
# S3's own limit for one request.
_DELETED_AT_ONCE = 1000

# Of every original: what it claims to be is of no interest, and browsers must not run it as a page.
STORED_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that is there: its size in bytes, its ETag, and the SHA-256 in hex if S3 has checked one, else ""."""

    size: int
    etag: str
    sha256: str


def client(alias: str) -> S3Client:
    """The storage's own client of S3: its credentials, region and address."""
    return cast("S3Client", _storage(alias).connection.meta.client)


def on_s3(alias: str) -> bool:
    """Whether a storage is a bucket."""
    return hasattr(_storage(alias), "bucket_name")


def bucket(alias: str) -> str:
    """The name of the bucket behind a storage."""
    return str(_storage(alias).bucket_name)


def _storage(alias: str) -> Any:
    return storages[alias]


def stored(alias: str, key: str) -> Stored | None:
    """What S3 says of an object; None when it is not there."""
    from botocore.exceptions import ClientError

    try:
        head = client(alias).head_object(Bucket=bucket(alias), Key=key, ChecksumMode="ENABLED")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
    checksum = head.get("ChecksumSHA256", "")
    # Of an object that was copied in parts it is a checksum of checksums, and says so.
    sha256 = base64.b64decode(checksum).hex() if checksum and "-" not in checksum else ""
    return Stored(head["ContentLength"], head["ETag"].strip('"'), sha256)


def copy_upload(source: str, target: str) -> bool:
    """Copy an object of the uploads bucket. False when there is nothing at `source`."""
    return _copy(client("uploads"), bucket("uploads"), source, target)


def _copy(s3: S3Client, name: str, source: str, target: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        s3.copy_object(
            Bucket=name,
            Key=target,
            CopySource={"Bucket": name, "Key": source},
            ContentType=STORED_TYPE,
            # S3 refuses to copy something onto itself unless something changes.
            MetadataDirective="REPLACE",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return False
        raise
    return True


def upload_form(key: str, size: int, sha256: str, seconds: int) -> tuple[str, dict[str, str]]:
    """Address and fields of a POST that stores a file of exactly `size` bytes under `key`, for so many seconds.

    With `sha256` (hex) S3 compares the content with it, and takes no other.
    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
    """
    fields = {"Content-Type": STORED_TYPE}
    if sha256:
        fields["x-amz-checksum-algorithm"] = "SHA256"
        fields["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(sha256)).decode()
    # Of the key boto3 makes a condition itself, exact as the others.
    conditions: list[Any] = [["content-length-range", size, size], *({name: value} for name, value in fields.items())]
    form = client("uploads").generate_presigned_post(
        bucket("uploads"), key, Fields=dict(fields), Conditions=conditions, ExpiresIn=seconds
    )
    return form["url"], form["fields"]


def address(alias: str, key: str, *, seconds: int, method: str, **answer: str) -> str:
    """An address that gives an object to whoever has it, for so many seconds, with the headers that `answer` names."""
    operation = "head_object" if method == "HEAD" else "get_object"
    return client(alias).generate_presigned_url(
        operation, Params={"Bucket": bucket(alias), "Key": key, **answer}, ExpiresIn=seconds
    )


def copy_onto_themselves(keys: Sequence[str], within: float) -> dict[str, bool]:
    """Copy objects of the uploads bucket onto themselves, several at once, beginning none after `within` seconds.

    Returns those that were tried: True where S3 has copied it, False where there is nothing. What S3 refused for
    another reason is logged and left out.
    """
    until = time.monotonic() + within
    s3, name = client("uploads"), bucket("uploads")

    def copy(key: str) -> bool | None:
        if time.monotonic() > until:
            return None
        try:
            return _copy(s3, name, key, key)
        except Exception:
            logger.exception("could not copy %s onto itself", key)
            return None

    if len(keys) == 1:
        outcomes = [copy(keys[0])]
    else:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            outcomes = list(pool.map(copy, keys))
    return {key: done for key, done in zip(keys, outcomes, strict=True) if done is not None}


def erase(alias: str, path: str, until: float) -> bool:
    """Delete the object `path` and all below it; False when time.monotonic() passed `until` before the end."""
    s3, name = client(alias), bucket(alias)
    extra = [path]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name, Prefix=f"{path}/"):
        keys = [*extra, *(entry["Key"] for entry in page.get("Contents", []))]
        extra = []
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            batch: Any = [{"Key": key} for key in keys[start : start + _DELETED_AT_ONCE]]
            answer = s3.delete_objects(Bucket=name, Delete={"Objects": batch, "Quiet": True})
            if answer.get("Errors"):
                raise OSError(f"S3 did not delete {answer['Errors'][0]}")
        if page["IsTruncated"] and time.monotonic() > until:
            return False
    return True
