"""The fine-tuned model: the group of its versions, and the endpoint that serves the one that the stack names."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.config import StackConfig
from infra.containers import runs_containers
from infra.endpoint import Serving, ServingArgs, looks_at_alarms
from infra.naming import Names
from infra.permissions import document, may_be_told_apart_from_denied, on_objects, trusts
from infra.private_bucket import PrivateBucket


@dataclass(frozen=True, kw_only=True)
class SageMakerArgs:
    """Where the configuration names no model package, there is no endpoint."""

    names: Names
    derived: PrivateBucket
    config: StackConfig


class SageMaker(pulumi.ComponentResource):
    """A place for models, and what serves one of them."""

    def __init__(self, name: str, args: SageMakerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:sagemaker:SageMaker", name, None, opts)
        self._args = args
        self._inside = pulumi.ResourceOptions(parent=self)
        self.group = aws.sagemaker.ModelPackageGroup(
            name,
            model_package_group_name=args.names.of("detector"),
            model_package_group_description="Detectors fine-tuned on ImageSift's moderated images",
            tags=args.names.tagged("detector"),
            opts=self._inside,
        )
        package = args.config.model_package_arn
        self.serving = None if package is None else self._serve(name, package)
        self.endpoint = None if self.serving is None else self.serving.endpoint
        self.register_outputs({})

    def _serve(self, name: str, package: str) -> Serving:
        args = self._args
        role = aws.iam.Role(
            name,
            name=args.names.of("sagemaker"),
            assume_role_policy=trusts("sagemaker.amazonaws.com"),
            tags=args.names.tagged("sagemaker"),
            opts=self._inside,
        )
        statements = [
            on_objects(args.derived.arn, "models/*", "Get"),
            may_be_told_apart_from_denied(args.derived.arn),
            *runs_containers(args.names),
            *([] if args.config.model_instance_type is None else [looks_at_alarms(args.names)]),
        ]
        rights = aws.iam.RolePolicy(name, name="rights", role=role.name, policy=document(statements), opts=self._inside)
        return Serving(
            "detector",
            ServingArgs(names=args.names, role=role, rights=rights, model_package_arn=package, config=args.config),
            self._inside,
        )
