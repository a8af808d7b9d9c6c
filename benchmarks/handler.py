"""Milliseconds that `recognize` takes for a 12-megapixel JPEG, with AWS answering at once.

Beside it, in the same run and alternating: Pillow alone decoding the same file and encoding the same three JPEGs. Aim:
at most 1.3 times that.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import time
import uuid
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
from botocore.exceptions import ClientError
from PIL import Image

from benchmarks.photos import photos
from benchmarks.unpacked import ENVIRONMENT

SIZE = (4032, 3024)
_OWNER = "1"


class FakeS3:
    """One upload; everything else is absent until it is put."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def get_object(self, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803  (boto3's names)
        self._found(Key, "GetObject")
        content = self.objects[Key]
        return {"Body": io.BytesIO(content), "ContentLength": len(content), "ETag": '"none"'}

    def head_object(self, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self._found(Key, "HeadObject")
        return {}

    def put_object(self, Key: str, Body: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.objects[Key] = Body
        return {}

    def _found(self, key: str, operation: str) -> None:
        if key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": key}}, operation)


class FakeRekognition:
    def detect_labels(self, **_: Any) -> dict[str, Any]:
        box = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}
        names = [f"Label {number}" for number in range(30)]
        labels = [
            {"Name": name, "Confidence": 90.0, "Instances": [{"BoundingBox": box, "Confidence": 88.0}]}
            for name in names
        ]
        return {"Labels": labels, "LabelModelVersion": "3.0", "ResponseMetadata": {"RequestId": "none"}}

    def detect_moderation_labels(self, **_: Any) -> dict[str, Any]:
        return {"ModerationLabels": [], "ModerationModelVersion": "7.0", "ResponseMetadata": {"RequestId": "none"}}

    def detect_text(self, **_: Any) -> dict[str, Any]:
        return {"TextDetections": [], "TextModelVersion": "3.0", "ResponseMetadata": {"RequestId": "none"}}


class Context:
    """What Lambda tells a function of the call."""

    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "benchmark"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=25, help="how many photos (default: %(default)s)")
    options = parser.parse_args()
    os.environ.update(ENVIRONMENT, LOG_LEVEL="WARNING")
    s3 = FakeS3()
    fakes = {"s3": s3, "rekognition": FakeRekognition(), "sqs": mock.MagicMock(), "dynamodb": mock.MagicMock()}
    fakes["dynamodb"].exceptions.ConditionalCheckFailedException = ClientError
    with mock.patch("botocore.session.Session.create_client", lambda _, service, **__: fakes[service]):
        seconds = [measure(content, s3) for content in jpegs(options.images + 1)][1:]
    handler, floor = (statistics.median(taken) for taken in zip(*seconds, strict=True))
    print(
        json.dumps(
            {
                "images": options.images,
                "handler_ms": round(1000 * handler, 1),
                "pillow_alone_ms": round(1000 * floor, 1),
                "ratio": round(statistics.median(ours / theirs for ours, theirs in seconds), 2),
            }
        )
    )


def jpegs(count: int) -> Iterator[bytes]:
    """Photos of 12 megapixels as a phone's camera makes them: enlarged, with the noise of a sensor, a few megabytes."""
    noise = np.random.default_rng(1)
    originals = [photo for photo in photos() if photo.width > photo.height]
    for number in range(count):
        photo = originals[number % len(originals)].resize(SIZE, Image.Resampling.BICUBIC)
        grain = noise.normal(0, 4, (SIZE[1], SIZE[0], 1))
        pixels = np.clip(np.asarray(photo, np.float32) + grain, 0, 255).astype(np.uint8)
        encoded = io.BytesIO()
        Image.fromarray(pixels).save(encoded, "JPEG", quality=90)
        yield encoded.getvalue()


def measure(content: bytes, s3: FakeS3) -> tuple[float, float]:
    """Seconds of the handler and of Pillow alone."""
    from lambdas.recognize.handler import handle

    key = f"uploads/{_OWNER}/{uuid.uuid4()}"
    s3.objects = {key: content}
    event = _event(key)
    started = time.perf_counter()
    answer = handle(event, Context())  # type: ignore[arg-type]
    between = time.perf_counter()
    encoded = pillow_alone(content)
    ended = time.perf_counter()
    _check(answer, s3, encoded)
    return between - started, ended - between


def pillow_alone(content: bytes) -> list[bytes]:
    """The JPEGs for the detectors, the preview and the thumbnail, in the fewest steps."""
    picture = Image.open(io.BytesIO(content))
    picture.draft("RGB", (SIZE[0] // 2, SIZE[1] // 2))
    picture.load()
    preview = picture.resize((1600, 1200), Image.Resampling.HAMMING, reducing_gap=2.0)
    thumbnail = preview.resize((400, 300), Image.Resampling.HAMMING, reducing_gap=2.0)
    return [_jpeg(picture, 90), _jpeg(preview, 85), _jpeg(thumbnail, 80)]


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    output = io.BytesIO()
    picture.save(output, "JPEG", quality=quality)
    return output.getvalue()


def _check(answer: dict[str, Any], s3: FakeS3, encoded: list[bytes]) -> None:
    """Both did the same work, or the comparison means nothing."""
    written = {key.rsplit("/", 1)[1]: content for key, content in s3.objects.items()}
    same = [Image.open(io.BytesIO(content)).size for content in encoded[1:]]
    ours = [Image.open(io.BytesIO(written[name])).size for name in ("preview.jpg", "thumbnail.jpg")]
    if answer["batchItemFailures"] or same != ours or not any('"recognized"' in _text(c) for c in written.values()):
        raise SystemExit(f"the handler did not recognise the photo: {answer}, {sorted(written)}")


def _text(content: bytes) -> str:
    return content.decode("ascii", "replace")


def _event(key: str) -> dict[str, Any]:
    created = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Post",
        "s3": {"bucket": {"name": "uploads"}, "object": {"key": key, "size": 1, "eTag": "none"}},
    }
    return {"Records": [{"messageId": "1", "eventSource": "aws:sqs", "body": json.dumps({"Records": [created]})}]}


if __name__ == "__main__":
    main()
