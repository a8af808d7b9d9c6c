"""Storing a stream of unknown length on S3, without ever holding more of it than one part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from portal.images import buckets

# S3 takes parts of 5 MiB and more, and 10,000 of them: up to 80 GB.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
PART_BYTES = 8 * 1024 * 1024


def store_stream(alias: str, key: str, pieces: Iterable[bytes], content_type: str) -> int:
    """Store the pieces one after another as the object `key`. Returns its size in bytes.

    Whatever `pieces` or S3 raises is raised, and then nothing is stored.
    """
    s3: Any = buckets.client(alias)
    place = {"Bucket": buckets.bucket(alias), "Key": key}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place, ContentType=content_type)["UploadId"]}
    try:
        stored, size = [], 0
        for number, part in enumerate(_parts(pieces), start=1):
            answer = s3.upload_part(**upload, PartNumber=number, Body=part)
            stored.append({"PartNumber": number, "ETag": answer["ETag"]})
            size += len(part)
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": stored})
    except BaseException:
        # What cannot be taken back now, the bucket's own rule removes.
        with suppress(Exception):
            s3.abort_multipart_upload(**upload)
        raise
    return size


def _parts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in parts of PART_BYTES; only the last is smaller, and there is one even of nothing."""
    held = bytearray()
    count = 0
    for piece in pieces:
        held += piece
        while len(held) >= PART_BYTES:
            yield bytes(held[:PART_BYTES])
            del held[:PART_BYTES]
            count += 1
    if held or not count:
        yield bytes(held)
