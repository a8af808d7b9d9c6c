"""Where files lie: how S3 is talked to, from the few settings that decide it, and where browsers reach it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any


def private_storage(bucket: str, region: str | None, endpoint: str, folder: Path) -> dict[str, Any]:
    """An entry of STORAGES: a private S3 bucket where one is named, else a folder that its owner alone can read."""
    if bucket:
        return {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": storage_options(bucket, region, endpoint),
        }
    return {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": folder,
            "base_url": None,
            "allow_overwrite": True,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    }


def storage_options(bucket: str, region: str | None, endpoint: str) -> dict[str, Any]:
    """Options of django-storages for a private bucket, in Amazon's S3 or at another `endpoint`."""
    from botocore.config import Config  # a tenth of a second that a laptop need not wait

    # Without a region in its name, a new bucket's address leads elsewhere for hours; a test's S3 has no such names.
    addressing: Any = {"addressing_style": "path" if endpoint else "virtual"}
    config = Config(
        signature_version="s3v4",
        s3=addressing | {"us_east_1_regional_endpoint": "regional"},
        retries={"mode": "standard", "total_max_attempts": 3},
        connect_timeout=5,
        read_timeout=20,
    )
    return {
        "bucket_name": bucket,
        "default_acl": None,
        "querystring_auth": True,
        "file_overwrite": True,
        "region_name": region,
        "endpoint_url": endpoint or None,
        "client_config": config,
    }


def origins(buckets: Iterable[str], region: str | None, endpoint: str) -> list[str]:
    """Where browsers reach the buckets that have a name: the beginnings of the addresses that boto3 signs for them."""
    if endpoint:
        return [endpoint.rstrip("/")] if any(buckets) else []
    domain = "amazonaws.com.cn" if str(region).startswith("cn-") else "amazonaws.com"
    return sorted(f"https://{bucket}.s3.{region}.{domain}" for bucket in buckets if bucket)
