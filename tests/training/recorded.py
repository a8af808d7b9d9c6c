"""moto's server that remembers what it was asked, and the environment in which commands find it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from tests.lambdas.aws import forget_everything, moto_server

REGION = "eu-west-1"
BUCKET = "models-of-ours"
ROLE = "arn:aws:iam::123456789012:role/training"
_DENIED = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"


class Recorder:
    """`asked` are (operation, body) of the services that talk JSON; S3's objects are looked at in S3."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._moto: Callable[..., Iterable[bytes]] | None = None

    def listening(self, moto: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            if target := environ.get("HTTP_X_AMZ_TARGET"):
                body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                environ["wsgi.input"] = io.BytesIO(body)
                self.asked.append((target.rpartition(".")[2], json.loads(body)))
            elif environ["REQUEST_METHOD"] == "POST" and not environ.get("QUERY_STRING"):
                body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                environ["wsgi.input"] = io.BytesIO(body)
                if b"Action=SimulatePrincipalPolicy" in body:
                    # moto does not know it; many operators may not ask it either.
                    start_response("403 Forbidden", [("Content-Type", "text/xml")])
                    return [_DENIED]
            return moto(environ, start_response)

        return application

    def bodies(self, operation: str) -> list[dict[str, Any]]:
        return [body for name, body in self.asked if name == operation]


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """Within, every AWS client of this process talks to moto; the bucket is there."""
    recorder = Recorder()
    with moto_server(recorder.listening) as url:
        for name, value in {
            "AWS_ENDPOINT_URL": url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "SAGEMAKER_VALIDATE_ROLE": "false",
        }.items():
            monkeypatch.setenv(name, value)
        forget_everything(url)
        boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield recorder


def keys(prefix: str = "") -> list[str]:
    """What lies in the bucket."""
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return sorted(each["Key"] for each in listed.get("Contents", ()))
