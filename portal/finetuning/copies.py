"""Copies within the bucket of results: S3 makes them itself, and no content comes by here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from math import inf
from typing import Final

from portal.images import buckets

_ALIAS: Final = "derived"


def copy(keys: Mapping[str, str], until: float = inf) -> dict[str, bool]:
    """Copy objects, several at once: `keys` are targets with their sources. None is begun after time.monotonic()
    passed `until`.

    Returns the targets that were tried: False where there is no source. Raises what S3 refuses for another reason.
    """
    from botocore.exceptions import ClientError

    s3, name = buckets.client(_ALIAS), buckets.bucket(_ALIAS)

    def copied(target: str) -> bool | None:
        if time.monotonic() > until:
            return None
        try:
            s3.copy_object(Bucket=name, Key=target, CopySource={"Bucket": name, "Key": keys[target]})
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return False
            raise
        return True

    with ThreadPoolExecutor(buckets.AT_ONCE) as pool:
        outcomes = zip(keys, pool.map(copied, keys), strict=True)
        return {target: outcome for target, outcome in outcomes if outcome is not None}


def keys_under(prefix: str) -> list[str]:
    """All keys that begin so."""
    pages = buckets.client(_ALIAS).get_paginator("list_objects_v2")
    found = pages.paginate(Bucket=buckets.bucket(_ALIAS), Prefix=prefix)
    return [entry["Key"] for page in found for entry in page.get("Contents", [])]
