"""Amazon Rekognition: labels, image properties, content flags and text, each API a detector of its own."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, cast

from recognition.detectors import Findings
from recognition.detectors.aws import LazyClient
from recognition.detectors.rekognition_answers import label_findings, moderation_findings, text_findings
from recognition.errors import DetectorThrottled, DetectorUnavailable, PermanentError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_rekognition import RekognitionClient

    from recognition.image import PreparedImage

_API_VERSION = "2016-06-27"
_SHORTEST_SIDE = 80
_LONGEST_SIDE = 10_000

_PERMANENT: Final[Mapping[str, tuple[str, str]]] = {
    "InvalidImageFormatException": (
        "rekognition_invalid_format",
        "Amazon Rekognition could not read this image.",
    ),
    "ImageTooLargeException": (
        "rekognition_image_too_large",
        "This image is too large for Amazon Rekognition.",
    ),
    "InvalidParameterException": (
        "rekognition_refused",
        "Amazon Rekognition refuses this image as it is.",
    ),
}
_REASONS: Final[Mapping[str, str]] = {
    "AccessDeniedException": "it does not allow these credentials to do this",
    "UnrecognizedClientException": "it does not know these credentials",
    "ExpiredTokenException": "these credentials have expired",
}
_THROTTLED: Final[Mapping[str, str]] = {
    "ThrottlingException": "it is asked too often at the moment",
    "ProvisionedThroughputExceededException": "it is asked more often than the account's quota allows",
    "LimitExceededException": "it is asked more often than the account's quota allows",
}


class Api(StrEnum):
    LABELS = "DetectLabels"
    MODERATION = "DetectModerationLabels"
    TEXT = "DetectText"


_NAMES: Final[Mapping[Api, str]] = {
    Api.LABELS: "rekognition",
    Api.MODERATION: "rekognition-moderation",
    Api.TEXT: "rekognition-text",
}


@dataclass(frozen=True, slots=True)
class RekognitionSettings:
    """What to ask for; each API called on an image is billed separately, and image properties on top of labels.

    `min_confidence` (0 to 100) is low because thresholds are applied when results are shown. `region` and credentials
    default to what boto3 finds; `endpoint_url` is for a private endpoint.
    """

    labels: bool = True
    properties: bool = True
    moderation: bool = True
    text: bool = True
    min_confidence: float = 30.0
    max_labels: int = 100
    region: str | None = None
    endpoint_url: str | None = None

    @property
    def apis(self) -> tuple[Api, ...]:
        asked = {
            Api.LABELS: self.labels or self.properties,
            Api.MODERATION: self.moderation,
            Api.TEXT: self.text,
        }
        return tuple(api for api, wanted in asked.items() if wanted)


def rekognition_detectors(settings: RekognitionSettings, session: Any = None) -> tuple[RekognitionDetector, ...]:
    """One detector for each API switched on, so that each is paid, reused and fails by itself.

    `session` is botocore's, where the process has one already.
    """
    client = LazyClient("rekognition", settings.region, settings.endpoint_url, session=session)
    return tuple(RekognitionDetector(settings, api, client) for api in settings.apis)


class RekognitionDetector:
    """Sends the detection JPEG to one of Rekognition's APIs and keeps what the contract has room for.

    What Rekognition says against the image itself raises PermanentError; being asked too often, after a few tries,
    DetectorThrottled; all else DetectorUnavailable. Images under Rekognition's 80 px a side are enlarged (boxes are
    fractions and stay right); one so narrow that this takes it over 10,000 px raises PermanentError.
    """

    paid: Final = True
    version: Final = _API_VERSION
    """The API's; the model's own is in the findings."""

    def __init__(self, settings: RekognitionSettings, api: Api = Api.LABELS, client: LazyClient | None = None) -> None:
        self._asked = settings
        self._api = api
        self._client = client or LazyClient("rekognition", settings.region, settings.endpoint_url)

    @property
    def name(self) -> str:
        return _NAMES[self._api]

    @property
    def settings(self) -> Mapping[str, object]:
        decisive: dict[str, object] = {"api": self._api.value, "min_confidence": self._asked.min_confidence}
        if self._api is Api.LABELS:
            decisive |= {"features": self._features(), "max_labels": self._asked.max_labels}
        return decisive

    def detect(self, image: PreparedImage) -> Findings:
        from botocore.exceptions import BotoCoreError, ClientError

        jpeg = _large_enough(image)
        asking: Mapping[Api, Callable[[bytes], Findings]] = {
            Api.LABELS: self._labels,
            Api.MODERATION: self._moderation,
            Api.TEXT: self._text,
        }
        try:
            return asking[self._api](jpeg)
        except ClientError as error:
            raise _explained(error) from error
        except BotoCoreError as error:
            raise DetectorUnavailable(f"Amazon Rekognition could not be asked: {error}.") from error

    def _features(self) -> list[str]:
        switched = {"GENERAL_LABELS": self._asked.labels, "IMAGE_PROPERTIES": self._asked.properties}
        return [feature for feature, wanted in switched.items() if wanted]

    def _labels(self, jpeg: bytes) -> Findings:
        request: dict[str, Any] = {"Image": {"Bytes": jpeg}, "Features": self._features()}
        if self._asked.labels:
            request |= {"MaxLabels": self._asked.max_labels, "MinConfidence": self._asked.min_confidence}
        return label_findings(self._rekognition().detect_labels(**request), self.name)

    def _moderation(self, jpeg: bytes) -> Findings:
        answer = self._rekognition().detect_moderation_labels(
            Image={"Bytes": jpeg}, MinConfidence=self._asked.min_confidence
        )
        return moderation_findings(answer, self.name)

    def _text(self, jpeg: bytes) -> Findings:
        answer = self._rekognition().detect_text(
            Image={"Bytes": jpeg}, Filters={"WordFilter": {"MinConfidence": self._asked.min_confidence}}
        )
        return text_findings(answer, self.name)

    def _rekognition(self) -> RekognitionClient:
        return cast("RekognitionClient", self._client.get())


def _explained(error: ClientError) -> PermanentError | DetectorUnavailable:
    code = error.response["Error"]["Code"]
    if code in _PERMANENT:
        return PermanentError(*_PERMANENT[code])
    if code in _THROTTLED:
        return DetectorThrottled(f"Amazon Rekognition gave no answer: {_THROTTLED[code]}.")
    reason = _REASONS.get(code, f"it answered {code}")
    return DetectorUnavailable(f"Amazon Rekognition gave no answer: {reason}.")


def _large_enough(image: PreparedImage) -> bytes:
    """The detection JPEG, enlarged where a side is under what Rekognition takes."""
    width, height = image.picture.size
    factor = _SHORTEST_SIDE / min(height, width)
    if factor <= 1:
        return image.detection_jpeg
    size = (math.ceil(width * factor), math.ceil(height * factor))
    if max(size) > _LONGEST_SIDE:
        raise PermanentError("rekognition_image_too_narrow", "This image is too narrow for Amazon Rekognition.")
    from PIL import Image

    enlarged = io.BytesIO()
    image.picture.resize(size, Image.Resampling.BICUBIC).save(enlarged, "JPEG", quality=95)
    return enlarged.getvalue()
