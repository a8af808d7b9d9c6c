"""Entry point of `recognize`: a batch of the queue's messages, each holding S3's word of new uploads."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from lambdas.batches import Message, each_message
from lambdas.clients import Clients
from lambdas.config import RecognizeConfig
from lambdas.logs import make_logger
from lambdas.places import ImagePlace
from lambdas.recognize.budgets import Budgets, CurrentBudgets
from lambdas.recognize.ledger import Ledger
from lambdas.recognize.queues import Queues, times_postponed
from lambdas.recognize.recognizing import Asking, Outcome, Recognizing
from lambdas.recognize.storing import Store
from lambdas.s3_events import created_objects
from recognition.detectors import Detector
from recognition.detectors.rekognition import RekognitionSettings, rekognition_detectors
from recognition.limits import Limits

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# What storing a result and ending in order may take of the function's time.
_MARGIN_S: Final = 10
_LEAST_S: Final = 5

logger = make_logger()


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers with the ids of the messages that failed."""
    return each_message(event, lambda message: _recognize_all(message, context), logger)


def _recognize_all(message: Message, context: LambdaContext) -> None:
    recognizing, queues = _wired()

    def timeout_s() -> float:
        return context.get_remaining_time_in_millis() / 1000 - _MARGIN_S

    for created in created_objects(message["body"]):
        place = ImagePlace.of_upload(created.key)
        if place is None:
            logger.warning("an object that is no upload was passed over", extra={"key": created.key})
            continue
        logger.append_keys(image_id=str(place.image_id), owner_id=place.owner_id)
        outcome = Outcome.POSTPONED
        if timeout_s() >= _LEAST_S:
            outcome = recognizing.recognize(place, created.key, timeout_s)
        logger.info("image: %s", outcome.value, extra={"outcome": outcome.value})
        if outcome is Outcome.POSTPONED:
            queues.postpone(created, times_postponed(message["body"]))


@cache
def _wired() -> tuple[Recognizing, Queues]:
    """Made by the first message, so that importing this asks nothing of AWS."""
    config, clients = RecognizeConfig.from_environment(), Clients()
    store = Store(clients.s3, config.uploads_bucket, config.derived_bucket)
    queues = Queues(clients.sqs, config.recognize_queue_url, config.ingest_queue_url)
    recognizing = Recognizing(
        asking=_asking(config, clients.session),
        store=store,
        ledger=Ledger(clients.dynamodb, config.ledger_table),
        budgets=CurrentBudgets(
            store.budgets, Budgets.of(config.monthly_budget_usd, config.monthly_budget_per_user_usd)
        ),
        queues=queues,
    )
    return recognizing, queues


def _asking(config: RecognizeConfig, session: Any) -> Asking:
    return Asking(
        detectors=_detectors(config, session),
        limits=Limits(max_pixels=config.max_image_pixels, max_bytes=config.max_upload_bytes),
        prices=config.recognition_prices,
        timeout_s=config.detector_timeout_seconds,
    )


def _detectors(config: RecognizeConfig, session: Any) -> tuple[Detector, ...]:
    """Rekognition's and, where an endpoint is named, the fine-tuned one; all with the one session of the process."""
    features = config.rekognition_features
    rekognition = RekognitionSettings(
        labels="labels" in features,
        properties="properties" in features,
        moderation="moderation" in features,
        text="text" in features,
    )
    detectors: tuple[Detector, ...] = rekognition_detectors(rekognition, session)
    if config.sagemaker_endpoint is None:
        return detectors
    from recognition.detectors.sagemaker import SageMakerDetector, SageMakerSettings

    settings = SageMakerSettings(config.sagemaker_endpoint, config.sagemaker_model)
    return (*detectors, SageMakerDetector(settings, session))
