"""Folders in S3, and errors of AWS as sentences."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from tqdm import tqdm

from training.errors import TrainingFailed


@dataclass(frozen=True, slots=True)
class Place:
    """A folder or an object in S3; `key` has no slash at its ends."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, address: str) -> Place:
        """From `s3://bucket/key`. Raises ValueError."""
        parts = urlsplit(address)
        if parts.scheme != "s3" or not parts.netloc:
            raise ValueError(f"“{address}” is not an address like s3://bucket/folder")
        return cls(parts.netloc, parts.path.strip("/"))

    def __truediv__(self, name: str) -> Place:
        return Place(self.bucket, f"{self.key}/{name}".strip("/"))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@contextmanager
def said_plainly(what: str) -> Iterator[None]:
    """AWS's errors within become TrainingFailed: “`what` failed: …”."""
    try:
        yield
    except ClientError as error:
        about = error.response.get("Error", {})
        words = about.get("Message") or about.get("Code") or str(error)
        raise TrainingFailed(f"{what} failed: {words}") from error
    except (BotoCoreError, Boto3Error) as error:
        raise TrainingFailed(f"{what} failed: {error}") from error


def session(region: str | None) -> Any:
    """With the person's own credentials, wherever botocore finds them. Raises TrainingFailed without a region."""
    with said_plainly("Finding AWS credentials"):
        found = boto3.session.Session(region_name=region)
    if not found.region_name:
        raise TrainingFailed("No AWS region is set: give --region, or set AWS_DEFAULT_REGION.")
    return found


def upload(s3: Any, source: Path, to: Place) -> Place:
    """The file or all files of the folder `source`, with a bar on a terminal. A file goes into `to`, under its name."""
    files = {path: path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    if source.is_file():
        files = {source: Path(source.name)}
    if not files:
        raise TrainingFailed(f"There is nothing to upload: {source} is not there, or empty.")
    total = sum(path.stat().st_size for path in files)
    bar = tqdm(total=total, unit="B", unit_scale=True, desc=source.name, disable=not sys.stderr.isatty())
    with bar, said_plainly(f"Uploading {source} to {to}"):
        for path, name in sorted(files.items()):
            s3.upload_file(str(path), to.bucket, (to / name.as_posix()).key, Callback=bar.update)
    return to
