"""A Rekognition that looks at the picture, is paid for each answer, and is asked too often like the real one."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import Counter
from typing import Any

from tests.cloud.pictures import POISON, number_in
from tests.cloud.stand_ins import Answer, Call

THINGS = ("Dog", "Cat", "Bicycle", "Boat", "Cup", "Tree", "Lamp", "Bridge")


def thing_in(number: int) -> str:
    """The label that the fake gives a picture with this number."""
    return THINGS[number % len(THINGS)]


class FakeRekognition:
    """Labels each picture by its number. `paid` counts answers by (API, number); `throttled` the refused calls.

    `rate` is how many calls a second are answered, over all APIs (None: as many as come). `broken` are the numbers at
    which it answers an internal error.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Start anew: nothing paid, no limit, broken at the poison only."""
        with self._lock:
            self.paid: Counter[tuple[str, int]] = Counter()
            self.throttled = 0
            self.rate: float | None = None
            self.broken = {POISON}
            self._tokens, self._filled = 0.0, time.monotonic()

    def __call__(self, call: Call) -> Answer:
        api = call.headers["x-amz-target"].rpartition(".")[2]
        if self._too_often():
            return Answer.error("ThrottlingException", "Rate exceeded")
        try:
            number = number_in(base64.b64decode(json.loads(call.body)["Image"]["Bytes"]))
        except ValueError as error:
            return Answer.error("InvalidImageFormatException", str(error))
        if number in self.broken:
            return Answer.error("InternalServerError", "Something broke", 500)
        with self._lock:
            self.paid[api, number] += 1
        return Answer.of(_ANSWERS[api](number), **{"x-amzn-RequestId": f"{api}-{number}"})

    def _too_often(self) -> bool:
        with self._lock:
            if self.rate is None:
                return False
            now = time.monotonic()
            self._tokens = min(self.rate, self._tokens + (now - self._filled) * self.rate)
            self._filled = now
            if self._tokens < 1:
                self.throttled += 1
                return True
            self._tokens -= 1
            return False


def _labels(number: int) -> dict[str, Any]:
    box = {"Left": 0.125, "Top": 0.25, "Width": 0.5, "Height": 0.5}
    return {
        "Labels": [
            {
                "Name": thing_in(number),
                "Confidence": 97.5,
                "Instances": [{"BoundingBox": box, "Confidence": 96.5}],
                "Parents": [{"Name": "Thing"}],
                "Aliases": [],
                "Categories": [{"Name": "Everyday Objects"}],
            },
            {"Name": f"Number {number}", "Confidence": 90.0, "Instances": [], "Parents": []},
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
                    "PixelPercent": 62.5,
                }
            ],
        },
        "LabelModelVersion": "3.0",
    }


def _moderation(number: int) -> dict[str, Any]:
    return {"ModerationLabels": [], "ModerationModelVersion": "7.0"}


def _text(number: int) -> dict[str, Any]:
    box = {"Left": 0.25, "Top": 0.5, "Width": 0.5, "Height": 0.125}
    line = {"DetectedText": f"No. {number}", "Type": "LINE", "Id": 0, "Confidence": 99.2}
    return {"TextDetections": [{**line, "Geometry": {"BoundingBox": box}}], "TextModelVersion": "3.1"}


_ANSWERS = {"DetectLabels": _labels, "DetectModerationLabels": _moderation, "DetectText": _text}
