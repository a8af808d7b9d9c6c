"""A fine-tuned detector behind an Amazon SageMaker endpoint: a JPEG goes in, labels in boxes come out as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recognition.detectors import Findings
from recognition.detectors.aws import LazyClient
from recognition.errors import DetectorThrottled, DetectorUnavailable, PermanentError
from recognition.result import Box, ContractError, Instance, Label
from recognition.vocabulary import describe

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

    from recognition.image import PreparedImage

_PROTOCOL_VERSION: Final = "1"
_MAX_BYTES: Final = 4_000_000
"""What a serverless endpoint takes in one request."""
_ANSWER_SECONDS: Final = 60
"""How long a model may take; a serverless one that has to start first needs much of it."""

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
_BUSY: Final = frozenset({"ThrottlingException", "ModelNotReadyException"})
_REFUSALS: Final = frozenset({400, 413, 415, 422})
"""The model's own HTTP statuses that are about the image sent."""


@dataclass(frozen=True, slots=True)
class SageMakerSettings:
    """Which endpoint to ask, and which model it serves: another one may answer differently under the same name.

    `region` and credentials default to what botocore finds; `endpoint_url` is for tests and private endpoints.
    """

    endpoint: str | None = None
    model: str | None = None
    region: str | None = None
    endpoint_url: str | None = None


class SageMakerDetector:
    """Sends the detection JPEG, of at most 4 MB, and keeps the labels that come back.

    The answer is `{"version": "…", "labels": [{"name": "…", "confidence": 0-100, "instances": [{"confidence": 0-100,
    "box": {"left", "top", "width", "height"}}]}]}`, boxes in fractions of the picture. An image that the model refuses
    raises PermanentError; an endpoint that is busy or still waking up DetectorThrottled; all else DetectorUnavailable.
    """

    name: Final = "sagemaker"
    paid: Final = True
    version: Final = _PROTOCOL_VERSION
    """The protocol's; the model's own is in the findings."""

    def __init__(self, settings: SageMakerSettings, session: Any = None) -> None:
        """`session` is botocore's, where the process has one already. Raises ValueError without an endpoint's name."""
        if not settings.endpoint:
            raise ValueError("The SageMaker detector needs the name of an endpoint.")
        self._endpoint = settings.endpoint
        self._model = settings.model
        self._client = LazyClient(
            "sagemaker-runtime",
            settings.region,
            settings.endpoint_url,
            read_timeout_s=_ANSWER_SECONDS,
            session=session,
        )

    @property
    def settings(self) -> Mapping[str, object]:
        """An endpoint keeps its name when it goes over to another model."""
        return {"endpoint": self._endpoint, **({"model": self._model} if self._model else {})}

    def detect(self, image: PreparedImage) -> Findings:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: Any = self._client.get().invoke_endpoint(
                EndpointName=self._endpoint,
                ContentType="image/jpeg",
                Accept="application/json",
                Body=image.jpeg_within(_MAX_BYTES),
            )
            body = answer["Body"].read()
        except ClientError as error:
            raise _explained(error) from error
        except BotoCoreError as error:
            raise DetectorUnavailable(f"The SageMaker endpoint could not be asked: {error}.") from error
        return _findings(body, answer.get("ResponseMetadata", {}).get("RequestId"))


def _explained(error: ClientError) -> PermanentError | DetectorUnavailable:
    code = error.response["Error"]["Code"]
    if code in _BUSY:
        return DetectorThrottled("The SageMaker endpoint is busy or still waking up.")
    if code == "ModelError" and error.response.get("OriginalStatusCode") in _REFUSALS:
        return PermanentError("sagemaker_refused", "The fine-tuned detector refuses this image as it is.")
    return DetectorUnavailable(f"The SageMaker endpoint gave no answer: it answered {code}.")


def _findings(body: bytes, request_id: str | None) -> Findings:
    try:
        answer = json.loads(body)
        labels = tuple(_label(label) for label in answer["labels"])
        return Findings(labels=labels, request_id=request_id, version=str(answer["version"]))
    except (ContractError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DetectorUnavailable("The SageMaker endpoint gave an answer that is not in the agreed form.") from error


def _label(label: Mapping[str, Any]) -> Label:
    known = describe(label["name"])
    return Label(
        name=known.name,
        confidence=float(label["confidence"]),
        detector=SageMakerDetector.name,
        parents=known.parents,
        aliases=known.aliases,
        categories=known.categories,
        instances=tuple(_instance(instance) for instance in label.get("instances", ())),
    )


def _instance(instance: Mapping[str, Any]) -> Instance:
    sides = (float(instance["box"][side]) for side in ("left", "top", "width", "height"))
    return Instance(float(instance["confidence"]), Box(*sides))
