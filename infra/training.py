"""Training on SageMaker: what the portal orders becomes jobs and registered models, and it hears of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra.config import StackConfig
from infra.containers import runs_containers
from infra.feed import Feed, FeedArgs
from infra.function import Function, FunctionArgs, Surroundings
from infra.images import serving_image, training_image
from infra.naming import Names
from infra.permissions import (
    Statement,
    consumes,
    document,
    may_be_told_apart_from_denied,
    on_objects,
    sends,
    trusts,
)
from infra.sagemaker import SageMaker
from infra.storage import Storage
from infra.timeouts import TRAIN_SECONDS
from infra.work_queue import WorkQueue

# Rules of EventBridge, by their purpose: the ingest queue admits these.
RULES = ("training-jobs", "training-models")

_MEMORY_MB = 256
_BATCH = 5
_AT_ONCE = 2
_HOUR_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class TrainingArgs:
    """`code` is the archive of the jobs' source."""

    config: StackConfig
    surroundings: Surroundings
    archive: Path
    code: Path
    storage: Storage
    sagemaker: SageMaker
    queue: WorkQueue
    ingest_queue: WorkQueue


class Training(pulumi.ComponentResource):
    """The function `train` may make jobs of this stack's name with one role, and nothing else run anywhere."""

    def __init__(self, name: str, args: TrainingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:training:Training", name, None, opts)
        self._args = args
        self._names: Names = args.surroundings.names
        self._inside = pulumi.ResourceOptions(parent=self)
        self.code = self._store_code()
        self.role = self._make_role()
        self.function = self._make_function()
        Feed(
            "train",
            FeedArgs(
                names=self._names,
                queue=args.queue.queue,
                function=self.function,
                batch_size=_BATCH,
                at_once=_AT_ONCE,
            ),
            self._inside,
        )
        self._follow()
        self.register_outputs({})

    def _store_code(self) -> aws.s3.BucketObject:
        return aws.s3.BucketObject(
            "training-code",
            bucket=self._args.storage.derived.name,
            key=f"code/{self._args.code.name}",
            source=pulumi.FileAsset(str(self._args.code)),
            content_type="application/gzip",
            tags=self._names.tagged("training-code"),
            # A job on a spare machine may have to fetch it once more, after the next version of it is there.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )

    def _make_role(self) -> aws.iam.Role:
        """Of the jobs themselves: they read what they learn from, and write where a run lies."""
        derived = self._args.storage.derived
        role = aws.iam.Role(
            "training",
            name=self._names.of("training"),
            assume_role_policy=trusts("sagemaker.amazonaws.com"),
            tags=self._names.tagged("training"),
            opts=self._inside,
        )
        statements = [
            on_objects(derived.arn, "models/*", "Get"),
            # What is served lies beside it: a job installs packages, and must not reach the models that others made.
            on_objects(derived.arn, "models/*/run/*", "Put"),
            on_objects(derived.arn, "models/*/output/*", "Put"),
            on_objects(derived.arn, "datasets/*", "Get"),
            on_objects(derived.arn, "code/*", "Get"),
            may_be_told_apart_from_denied(derived.arn),
            *runs_containers(self._names),
        ]
        self._rights = aws.iam.RolePolicy(
            "training", name="rights", role=role.name, policy=document(statements), opts=self._inside
        )
        return role

    def _make_function(self) -> Function:
        args = self._args
        return Function(
            "train",
            FunctionArgs(
                surroundings=args.surroundings,
                purpose="train",
                archive=args.archive,
                environment=self._environment(),
                statements=[*self._deliveries(), *self._rights_at_sagemaker()],
                timeout_seconds=TRAIN_SECONDS,
                memory_mb=_MEMORY_MB,
                after=[self._rights],
                # What it answers makes `ingest` order the next: a model that is trained is registered.
                calls_itself_back=True,
            ),
            self._inside,
        )

    def _environment(self) -> Mapping[str, pulumi.Input[str]]:
        args, config, names = self._args, self._args.config, self._names
        return {
            "DERIVED_BUCKET": args.storage.derived.name,
            "INGEST_QUEUE_URL": args.ingest_queue.queue.url,
            "TRAINING_JOBS": names.of("train"),
            "TRAINING_ROLE": self.role.arn,
            "TRAINING_IMAGE": config.training_image or training_image(names),
            "TRAINING_INSTANCE": config.training_instance_type,
            "TRAINING_SPOT": str(config.training_spot).lower(),
            "TRAINING_SECONDS": str(config.training_hours * _HOUR_SECONDS),
            "TRAINING_PATIENCE_SECONDS": str(config.training_patience_hours * _HOUR_SECONDS),
            "TRAINING_CODE": self.code.key,
            "MODEL_PACKAGE_GROUP": args.sagemaker.group.model_package_group_name,
            "SERVING_IMAGE": config.serving_image or serving_image(names),
            "JOB_TAGS": json.dumps(dict(names.tagged("train"))),
        }

    def _deliveries(self) -> list[Statement]:
        derived = self._args.storage.derived
        return [
            on_objects(derived.arn, "outbox/training/*", "Get", "Delete"),
            may_be_told_apart_from_denied(derived.arn),
            consumes(self._args.queue.queue.arn),
            sends(self._args.ingest_queue.queue.arn),
        ]

    def _rights_at_sagemaker(self) -> list[Statement]:
        names, group = self._names, self._names.of("detector")
        packages = names.arn("sagemaker", f"model-package/{group}/*")
        return [
            Statement(
                actions=["sagemaker:CreateTrainingJob", "sagemaker:StopTrainingJob", "sagemaker:AddTags"],
                resources=[names.arn("sagemaker", f"training-job/{names.of('train')}-*")],
            ),
            Statement(
                actions=["iam:PassRole"],
                resources=[self.role.arn],
                condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            ),
            Statement(
                actions=["sagemaker:CreateModelPackage"],
                resources=[names.arn("sagemaker", f"model-package-group/{group}"), packages],
            ),
            Statement(actions=["sagemaker:UpdateModelPackage"], resources=[packages]),
        ]

    def _follow(self) -> None:
        """Tells `ingest` of this stack's jobs and models, whoever changes them."""
        names = self._names
        details = {
            "training-jobs": (
                "SageMaker Training Job State Change",
                {"TrainingJobName": [{"prefix": f"{names.of('train')}-"}]},
            ),
            "training-models": (
                "SageMaker Model Package State Change",
                {"ModelPackageGroupName": [names.of("detector")]},
            ),
        }
        for purpose, (kind, detail) in details.items():
            self._tell(purpose, {"source": ["aws.sagemaker"], "detail-type": [kind], "detail": detail})

    def _tell(self, purpose: str, pattern: Mapping[str, object]) -> None:
        rule = aws.cloudwatch.EventRule(
            purpose,
            name=self._names.of(purpose),
            description="Tells the portal of what SageMaker does for it",
            event_pattern=json.dumps(pattern),
            tags=self._names.tagged(purpose),
            opts=self._inside,
        )
        ingest = self._args.ingest_queue
        aws.cloudwatch.EventTarget(
            purpose,
            rule=rule.name,
            arn=ingest.queue.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[ingest.policy]),
        )
