"""What recognises images, and what speaks for those that could not be recognised."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra.config import StackConfig
from infra.feed import Feed, FeedArgs
from infra.function import Function, FunctionArgs, Surroundings
from infra.ledger import Ledger
from infra.permissions import Statement, consumes, may_be_told_apart_from_denied, on_objects, sends
from infra.queues import Queues
from infra.storage import Storage
from infra.timeouts import DEAD_LETTERS_SECONDS, DETECTOR_SECONDS, RECOGNIZE_SECONDS

_DEAD_LETTERS_MEMORY_MB = 256
_FEWEST_AT_ONCE = 2
# The features of the configuration by the API that is asked for them; properties come with the labels.
_APIS = {"labels": "DetectLabels", "moderation": "DetectModerationLabels", "text": "DetectText"}


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A SageMaker endpoint to ask."""

    name: pulumi.Input[str]
    arn: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class RecognitionArgs:
    config: StackConfig
    surroundings: Surroundings
    archive: Path
    storage: Storage
    ledger: Ledger
    queues: Queues
    endpoint: Endpoint | None


class Recognition(pulumi.ComponentResource):
    """Both functions run outside the network: they ask Rekognition, and never the database."""

    def __init__(self, name: str, args: RecognitionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:recognition:Recognition", name, None, opts)
        self._args = args
        self._inside = pulumi.ResourceOptions(parent=self)
        self.recognize = self._make_recognize()
        self.dead_letters = self._make_dead_letters()
        self._feed("recognize", args.queues.recognize.queue, self.recognize, args.config.recognized_at_once)
        self._feed("dead-letters", args.queues.recognize.dead, self.dead_letters, _FEWEST_AT_ONCE)
        self.register_outputs({})

    def _feed(self, name: str, queue: aws.sqs.Queue, function: Function, at_once: int) -> None:
        # One image at a time: a larger batch would only make the last of its images wait for the first.
        names = self._args.surroundings.names
        Feed(name, FeedArgs(names=names, queue=queue, function=function, batch_size=1, at_once=at_once), self._inside)

    def _make_recognize(self) -> Function:
        args = self._args
        return Function(
            "recognize",
            FunctionArgs(
                surroundings=args.surroundings,
                purpose="recognize",
                archive=args.archive,
                environment=_recognize_environment(args),
                statements=_recognize_statements(args),
                timeout_seconds=RECOGNIZE_SECONDS,
                memory_mb=args.config.recognize_memory_mb,
                # What is throttled or busy is put off by a new message to the same queue.
                calls_itself_back=True,
            ),
            self._inside,
        )

    def _make_dead_letters(self) -> Function:
        args = self._args
        derived = args.storage.derived
        return Function(
            "dead-letters",
            FunctionArgs(
                surroundings=args.surroundings,
                purpose="dead_letters",
                archive=args.archive,
                environment={"DERIVED_BUCKET": derived.name, "INGEST_QUEUE_URL": args.queues.ingest.queue.url},
                statements=[
                    on_objects(derived.arn, "derived/*", "Get", "Put"),
                    # Looks for a result that came after all.
                    may_be_told_apart_from_denied(derived.arn),
                    sends(args.queues.ingest.queue.arn),
                    consumes(args.queues.recognize.dead.arn),
                ],
                timeout_seconds=DEAD_LETTERS_SECONDS,
                memory_mb=_DEAD_LETTERS_MEMORY_MB,
            ),
            self._inside,
        )


def spending_environment(config: StackConfig) -> dict[str, str]:
    """What both the function that pays and the portal that shows it must know of limits and money."""
    optional = {
        "MONTHLY_BUDGET_USD": config.monthly_budget_usd,
        "MONTHLY_BUDGET_PER_USER_USD": config.monthly_budget_per_user_usd,
        "RECOGNITION_PRICES": None if config.recognition_prices is None else json.dumps(config.recognition_prices),
    }
    return {
        "REKOGNITION_FEATURES": ",".join(config.rekognition_features),
        "MAX_UPLOAD_BYTES": str(config.max_upload_bytes),
        "MAX_IMAGE_PIXELS": str(config.max_image_pixels),
        **{key: str(value) for key, value in optional.items() if value is not None},
    }


def _recognize_environment(args: RecognitionArgs) -> dict[str, pulumi.Input[str]]:
    return {
        **spending_environment(args.config),
        "UPLOADS_BUCKET": args.storage.uploads.name,
        "DERIVED_BUCKET": args.storage.derived.name,
        "RECOGNIZE_QUEUE_URL": args.queues.recognize.queue.url,
        "INGEST_QUEUE_URL": args.queues.ingest.queue.url,
        "LEDGER_TABLE": args.ledger.name,
        "DETECTOR_TIMEOUT_SECONDS": str(DETECTOR_SECONDS),
        **_asked_endpoint(args),
    }


def _asked_endpoint(args: RecognitionArgs) -> dict[str, pulumi.Input[str]]:
    """The endpoint stays the same when it goes over to another model, whose answers are other ones."""
    package = args.config.model_package_arn
    if args.endpoint is None or package is None:
        return {}
    return {"SAGEMAKER_ENDPOINT": args.endpoint.name, "SAGEMAKER_MODEL": package}


def _recognize_statements(args: RecognitionArgs) -> Sequence[Statement]:
    uploads, derived = args.storage.uploads, args.storage.derived
    queue, ingest = args.queues.recognize.queue, args.queues.ingest.queue
    return [
        on_objects(uploads.arn, "uploads/*", "Get"),
        on_objects(derived.arn, "derived/*", "Get", "Put"),
        on_objects(derived.arn, "settings/budgets.json", "Get"),
        may_be_told_apart_from_denied(uploads.arn),
        may_be_told_apart_from_denied(derived.arn),
        consumes(queue.arn),
        # To itself: what was throttled comes again later.
        sends(queue.arn, ingest.arn),
        Statement(
            actions=["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
            resources=[args.ledger.arn],
        ),
        # Rekognition knows no resource for what it is sent as bytes.
        Statement(
            actions=[
                f"rekognition:{api}" for feature, api in _APIS.items() if feature in args.config.rekognition_features
            ],
            resources=["*"],
        ),
        *(
            []
            if args.endpoint is None
            else [Statement(actions=["sagemaker:InvokeEndpoint"], resources=[args.endpoint.arn])]
        ),
    ]
