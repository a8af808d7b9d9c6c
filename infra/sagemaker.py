"""The fine-tuned model: the group of its versions, and the endpoint that serves the one that the stack names."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.naming import Names
from infra.permissions import Statement, document, may_be_told_apart_from_denied, on_objects, trusts
from infra.private_bucket import PrivateBucket

# Where training puts its models, and serving takes them from, in the derived bucket.
_ARTEFACTS = "models/"
_HASH_LENGTH = 10
_VARIANT = "model"


@dataclass(frozen=True, kw_only=True)
class SageMakerArgs:
    """Without a package there is no endpoint; without an instance type it is serverless, of `memory_mb`."""

    names: Names
    derived: PrivateBucket
    model_package_arn: str | None
    instance_type: str | None
    instance_count: int
    memory_mb: int
    concurrency: int
    log_retention_days: int


class SageMaker(pulumi.ComponentResource):
    """Naming another package makes a new model and configuration, and the endpoint goes over without a pause."""

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
        self.role = aws.iam.Role(
            name,
            name=args.names.of("sagemaker"),
            assume_role_policy=trusts("sagemaker.amazonaws.com"),
            tags=args.names.tagged("sagemaker"),
            opts=self._inside,
        )
        rights = aws.iam.RolePolicy(
            name, name="rights", role=self.role.name, policy=document(self._statements()), opts=self._inside
        )
        package = args.model_package_arn
        self.endpoint = None if package is None else self._make_endpoint(package, rights)
        self.register_outputs({})

    def _statements(self) -> list[Statement]:
        names, derived = self._args.names, self._args.derived
        return [
            on_objects(derived.arn, f"{_ARTEFACTS}*", "Get", "Put"),
            may_be_told_apart_from_denied(derived.arn),
            Statement(
                actions=[
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ],
                resources=[names.arn("logs", "log-group:/aws/sagemaker/*")],
            ),
            Statement(
                actions=["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"],
                # AWS keeps the images for serving in accounts of its own.
                resources=[f"arn:{names.partition}:ecr:{names.region}:*:repository/*"],
            ),
            # AWS knows no resource for these.
            Statement(actions=["ecr:GetAuthorizationToken"], resources=["*"]),
            Statement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                condition={"StringLike": {"cloudwatch:namespace": ["AWS/SageMaker", "/aws/sagemaker/*"]}},
            ),
        ]

    def _make_endpoint(self, package: str, rights: aws.iam.RolePolicy) -> aws.sagemaker.Endpoint:
        args = self._args
        # Neither can be changed, and the endpoint must find the new one before the old one goes: so each has a name of
        # its own, from what it is made of.
        served = args.names.of(f"detector-{_hash(package)}")
        model = aws.sagemaker.Model(
            "detector",
            name=served,
            execution_role_arn=self.role.arn,
            primary_container={"model_package_name": package},
            # Serverless endpoints do not know it.
            enable_network_isolation=args.instance_type is not None,
            tags=args.names.tagged("detector"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[rights]),
        )
        variant = self._variant(model)
        configuration = aws.sagemaker.EndpointConfiguration(
            "detector",
            name=args.names.of(f"detector-{_hash(package, *self._shape())}"),
            production_variants=[variant],
            tags=args.names.tagged("detector"),
            opts=self._inside,
        )
        return aws.sagemaker.Endpoint(
            "detector",
            name=args.names.of("detector"),
            endpoint_config_name=configuration.name,
            tags=args.names.tagged("detector"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._make_log()]),
        )

    def _make_log(self) -> aws.cloudwatch.LogGroup:
        """Before the endpoint: SageMaker itself would make one that keeps logs for ever."""
        names = self._args.names
        return aws.cloudwatch.LogGroup(
            "detector",
            name=f"/aws/sagemaker/Endpoints/{names.of('detector')}",
            retention_in_days=self._args.log_retention_days,
            tags=names.tagged("detector"),
            opts=self._inside,
        )

    def _shape(self) -> tuple[object, ...]:
        args = self._args
        if args.instance_type is None:
            return args.memory_mb, args.concurrency
        return args.instance_type, args.instance_count

    def _variant(self, model: aws.sagemaker.Model) -> aws.sagemaker.EndpointConfigurationProductionVariantArgs:
        args = self._args
        variant = aws.sagemaker.EndpointConfigurationProductionVariantArgs
        if args.instance_type is None:
            return variant(
                variant_name=_VARIANT,
                model_name=model.name,
                serverless_config=aws.sagemaker.EndpointConfigurationProductionVariantServerlessConfigArgs(
                    memory_size_in_mb=args.memory_mb, max_concurrency=args.concurrency
                ),
            )
        return variant(
            variant_name=_VARIANT,
            model_name=model.name,
            instance_type=args.instance_type,
            initial_instance_count=args.instance_count,
            initial_variant_weight=1,
        )


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:_HASH_LENGTH]
