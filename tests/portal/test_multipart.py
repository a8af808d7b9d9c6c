"""Streams that are stored on S3 part by part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from portal.images import multipart
from tests.portal.test_s3_storage import BUCKETS, keys, s3, s3_address

__all__ = ["s3", "s3_address"]


def test_no_more_than_a_part_is_held_at_a_time(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    part = multipart.PART_BYTES

    def pieces() -> Iterator[bytes]:
        for number in range(40):
            stored = s3.list_multipart_uploads(Bucket=BUCKETS["derived"]).get("Uploads", [])
            parts = s3.list_parts(Bucket=BUCKETS["derived"], Key="a", UploadId=stored[0]["UploadId"]).get("Parts", [])
            made.append(number * 1_000_000 - part * len(parts))
            yield bytes(1_000_000)

    assert multipart.store_stream("derived", "a", pieces(), "text/plain") == 40_000_000
    assert s3.head_object(Bucket=BUCKETS["derived"], Key="a")["ContentLength"] == 40_000_000
    assert max(made) < part


def test_of_a_stream_that_breaks_off_nothing_stays(s3: Any) -> None:
    def pieces() -> Iterator[bytes]:
        yield bytes(10_000_000)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        multipart.store_stream("derived", "a", pieces(), "text/plain")
    assert keys(s3, BUCKETS["derived"]) == []
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKETS["derived"])
