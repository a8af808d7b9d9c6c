"""A small Amazon Rekognition on loopback: the JSON protocol as botocore speaks it, for the three APIs used."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

ANSWERS: dict[str, dict[str, Any]] = {
    "DetectLabels": {
        "Labels": [
            {
                "Name": "Dog",
                "Confidence": 98.1,
                "Instances": [
                    {"BoundingBox": {"Left": 0.125, "Top": 0.25, "Width": 0.375, "Height": 0.5}, "Confidence": 97.4},
                    {"BoundingBox": {"Left": 0.9, "Top": -0.02, "Width": 0.2, "Height": 0.52}, "Confidence": 60.5},
                ],
                "Parents": [{"Name": "Pet"}, {"Name": "Animal"}],
                "Aliases": [{"Name": "Canine"}],
                "Categories": [{"Name": "Animals and Pets"}],
            },
            {"Name": "Outdoors", "Confidence": 100.00001, "Instances": [], "Parents": []},
        ],
        "ImageProperties": {
            "Quality": {"Brightness": 57.1, "Sharpness": 91.2, "Contrast": 80.3},
            "DominantColors": [
                {
                    "Red": 47,
                    "Green": 79,
                    "Blue": 79,
                    "HexCode": "2F4F4F",
                    "CSSColor": "darkslategrey",
                    "SimplifiedColor": "green",
                    "PixelPercent": 12.5,
                },
                {
                    "Red": 169,
                    "Green": 169,
                    "Blue": 169,
                    "HexCode": "A9A9A9",
                    "CSSColor": "darkgrey",
                    "SimplifiedColor": "grey",
                    "PixelPercent": 61.5,
                },
            ],
        },
        "LabelModelVersion": "3.0",
    },
    "DetectModerationLabels": {
        "ModerationLabels": [
            {"Name": "Weapons", "ParentName": "Violence", "Confidence": 88.0, "TaxonomyLevel": 2},
            {"Name": "Violence", "ParentName": "", "Confidence": 88.0, "TaxonomyLevel": 1},
        ],
        "ModerationModelVersion": "7.0",
    },
    "DetectText": {
        "TextDetections": [
            {
                "DetectedText": "STOP HERE",
                "Type": "LINE",
                "Id": 0,
                "Confidence": 99.2,
                "Geometry": {"BoundingBox": {"Left": 0.25, "Top": 0.5, "Width": 0.5, "Height": 0.125}},
            },
            {
                "DetectedText": "STOP",
                "Type": "WORD",
                "Id": 1,
                "ParentId": 0,
                "Confidence": 99.1,
                "Geometry": {"BoundingBox": {"Left": 0.25, "Top": 0.5, "Width": 0.25, "Height": 0.125}},
            },
        ],
        "TextModelVersion": "3.1",
    },
}


class FakeRekognition:
    """Answers with ANSWERS unless told to fail; `calls` holds the name of each call, `requests` what it asked.

    `answered` counts, by API, what would be billed. `per_second` is how many calls of one API it takes within any
    second; it throttles the others.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.answered: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        self.per_second: int | None = None
        self._taken: defaultdict[str, list[float]] = defaultdict(list)
        self._lock = threading.Lock()
        self.calls: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.failures: list[tuple[int, str]] = []
        """(HTTP status, error code) for the calls to come, one each."""
        self.failing: dict[str, tuple[int, str]] = {}
        """The same for each call of an API."""

    def fail(self, code: str, *, status: int = 400, times: int = 1) -> None:
        self.failures += [(status, code)] * times

    def size_sent(self) -> tuple[int, int]:
        """Width and height of the image in the last request, which must be a JPEG."""
        with Image.open(io.BytesIO(base64.b64decode(self.requests[-1]["Image"]["Bytes"]))) as image:
            assert image.format == "JPEG"
            return image.size

    def fail_api(self, api: str, code: str, *, status: int = 400) -> None:
        """Answer each call of one API so from now on; `recover` ends it."""
        self.failing[api] = (status, code)

    def recover(self) -> None:
        self.failing.clear()

    def answer(self, api: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._lock:
            self.calls.append(api)
            self.requests.append(request)
            failure = self.failures.pop(0) if self.failures else self.failing.get(api)
            if failure is not None:
                status, code = failure
                return status, {"__type": code, "message": f"told to answer {code}"}
            if not self._has_room(api):
                self.throttled[api] += 1
                return 400, {"__type": "ThrottlingException", "message": "Rate exceeded"}
            self.answered[api] += 1
            return 200, ANSWERS[api]

    def _has_room(self, api: str) -> bool:
        now = time.monotonic()
        self._taken[api] = [moment for moment in self._taken[api] if now - moment < 1]
        if self.per_second is not None and len(self._taken[api]) >= self.per_second:
            return False
        self._taken[api].append(now)
        return True


@contextmanager
def serve() -> Iterator[FakeRekognition]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            api = self.headers["X-Amz-Target"].removeprefix("RekognitionService.")
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, document = fake.answer(api, request)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("x-amzn-RequestId", f"request-{len(fake.calls)}")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the tests' output is theirs."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake = FakeRekognition(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
