"""The endpoint that serves the fine-tuned model: serverless, or on instances that grow and are replaced with care."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pulumi
import pulumi_aws as aws

from infra.alarms import Watch, alarm
from infra.config import StackConfig
from infra.naming import Names
from infra.permissions import Statement

_HASH_LENGTH = 10
_VARIANT = "model"
# Of the new instances, before the others follow; SageMaker puts the old ones back when an alarm goes off by then.
_CANARY_PERCENT = 25
_WATCHED_SECONDS = 600
_OLD_KEPT_SECONDS = 300
_LONGEST_UPDATE_SECONDS = 3600
# Images a minute on one instance: a model on a processor takes about half a second for each.
_INVOCATIONS_EACH = 60
_GROW_SECONDS, _SHRINK_SECONDS = 60, 600
_MINUTE = 60
_SLOW_MICROSECONDS = 20_000_000


@dataclass(frozen=True, kw_only=True)
class ServingArgs:
    """Without an instance type it is serverless."""

    names: Names
    role: aws.iam.Role
    rights: aws.iam.RolePolicy
    model_package_arn: str
    config: StackConfig


class Serving(pulumi.ComponentResource):
    """Naming another package makes a new model and configuration, and the endpoint goes over without a pause.

    Nothing of what is asked or answered is kept: data capture stays off.
    """

    def __init__(self, name: str, args: ServingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:sagemaker:Serving", name, None, opts)
        self._args, self._config = args, args.config
        self._inside = pulumi.ResourceOptions(parent=self)
        configuration = self._make_configuration(self._make_model())
        self.alarms = [alarm(args.names, watch, self._inside) for watch in endpoint_watches(args.names)]
        self.guards = [alarm(args.names, watch, self._inside) for watch in self._guarding(configuration)]
        self.endpoint = self._make_endpoint(configuration)
        if args.config.model_max_instances is not None:
            self._let_grow(args.config.model_max_instances)
        self.register_outputs({})

    def _make_model(self) -> aws.sagemaker.Model:
        args = self._args
        # Neither this nor the configuration can be changed, and the endpoint must find the new one before the old one
        # goes: so each has a name of its own, from what it is made of.
        return aws.sagemaker.Model(
            "detector",
            name=args.names.of(f"detector-{_hash(args.model_package_arn)}"),
            execution_role_arn=args.role.arn,
            primary_container={"model_package_name": args.model_package_arn},
            # What the image lacks is installed when the endpoint starts, so it has a way out.
            enable_network_isolation=False,
            tags=args.names.tagged("detector"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.rights]),
        )

    def _make_configuration(self, model: aws.sagemaker.Model) -> aws.sagemaker.EndpointConfiguration:
        args = self._args
        return aws.sagemaker.EndpointConfiguration(
            "detector",
            name=args.names.of(f"detector-{_hash(args.model_package_arn, *self._shape())}"),
            production_variants=[self._variant(model)],
            tags=args.names.tagged("detector"),
            opts=self._inside,
        )

    def _make_endpoint(self, configuration: aws.sagemaker.EndpointConfiguration) -> aws.sagemaker.Endpoint:
        names = self._args.names
        return aws.sagemaker.Endpoint(
            "detector",
            name=names.of("detector"),
            endpoint_config_name=configuration.name,
            deployment_config=None if self._config.model_instance_type is None else self._deployment(),
            tags=names.tagged("detector"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._make_log(), *self.alarms, *self.guards]),
        )

    def _make_log(self) -> aws.cloudwatch.LogGroup:
        """Before the endpoint: SageMaker itself would make one that keeps logs for ever."""
        names = self._args.names
        return aws.cloudwatch.LogGroup(
            "detector",
            name=f"/aws/sagemaker/Endpoints/{names.of('detector')}",
            retention_in_days=self._config.log_retention_days,
            tags=names.tagged("detector"),
            opts=self._inside,
        )

    def _guarding(self, configuration: aws.sagemaker.EndpointConfiguration) -> list[Watch]:
        """What turns back a model that is being rolled out: signs of the new instances alone.

        Errors of the old ones would end the very deployment that is to replace them:
        https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
        """
        if self._config.model_instance_type is None:
            return []
        return [
            replace(
                watch,
                name=f"{watch.name}-of-new",
                description=f"{watch.description} If it is new, the one before it comes back.",
                dimensions={**watch.dimensions, "EndpointConfigName": configuration.name},
            )
            for watch in endpoint_watches(self._args.names)
        ]

    def _shape(self) -> tuple[object, ...]:
        config = self._config
        if config.model_instance_type is None:
            return config.model_memory_mb, config.model_concurrency
        return config.model_instance_type, config.model_instance_count

    def _variant(self, model: aws.sagemaker.Model) -> aws.sagemaker.EndpointConfigurationProductionVariantArgs:
        config = self._config
        variant = aws.sagemaker.EndpointConfigurationProductionVariantArgs
        if config.model_instance_type is None:
            return variant(
                variant_name=_VARIANT,
                model_name=model.name,
                serverless_config=aws.sagemaker.EndpointConfigurationProductionVariantServerlessConfigArgs(
                    memory_size_in_mb=config.model_memory_mb, max_concurrency=config.model_concurrency
                ),
            )
        return variant(
            variant_name=_VARIANT,
            model_name=model.name,
            instance_type=config.model_instance_type,
            initial_instance_count=config.model_instance_count,
            initial_variant_weight=1,
        )

    def _deployment(self) -> aws.sagemaker.EndpointDeploymentConfigArgs:
        """Blue/green: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green-canary.html

        One instance has no quarter to try, so it goes over at once, and is watched for as long.
        """
        size = aws.sagemaker.EndpointDeploymentConfigBlueGreenUpdatePolicyTrafficRoutingConfigurationCanarySizeArgs
        has_canary = self._config.model_instance_count > 1
        routing = aws.sagemaker.EndpointDeploymentConfigBlueGreenUpdatePolicyTrafficRoutingConfigurationArgs(
            type="CANARY" if has_canary else "ALL_AT_ONCE",
            wait_interval_in_seconds=_WATCHED_SECONDS,
            canary_size=size(type="CAPACITY_PERCENT", value=_CANARY_PERCENT) if has_canary else None,
        )
        each_alarm = aws.sagemaker.EndpointDeploymentConfigAutoRollbackConfigurationAlarmArgs
        rollback = aws.sagemaker.EndpointDeploymentConfigAutoRollbackConfigurationArgs(
            alarms=[each_alarm(alarm_name=each.name) for each in self.guards]
        )
        return aws.sagemaker.EndpointDeploymentConfigArgs(
            blue_green_update_policy=aws.sagemaker.EndpointDeploymentConfigBlueGreenUpdatePolicyArgs(
                traffic_routing_configuration=routing,
                termination_wait_in_seconds=_OLD_KEPT_SECONDS,
                maximum_execution_timeout_in_seconds=_LONGEST_UPDATE_SECONDS,
            ),
            auto_rollback_configuration=rollback,
        )

    def _let_grow(self, most: int) -> None:
        names = self._args.names
        target = aws.appautoscaling.Target(
            "detector",
            service_namespace="sagemaker",
            scalable_dimension="sagemaker:variant:DesiredInstanceCount",
            resource_id=self.endpoint.name.apply(lambda name: f"endpoint/{name}/variant/{_VARIANT}"),
            min_capacity=self._config.model_instance_count,
            max_capacity=most,
            tags=names.tagged("detector"),
            opts=self._inside,
        )
        invocations = aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs
        tracking = aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
            target_value=_INVOCATIONS_EACH,
            predefined_metric_specification=invocations(
                predefined_metric_type="SageMakerVariantInvocationsPerInstance"
            ),
            scale_out_cooldown=_GROW_SECONDS,
            scale_in_cooldown=_SHRINK_SECONDS,
        )
        aws.appautoscaling.Policy(
            "detector",
            name=names.of("detector"),
            policy_type="TargetTrackingScaling",
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            target_tracking_scaling_policy_configuration=tracking,
            opts=self._inside,
        )


def endpoint_watches(names: Names) -> Sequence[Watch]:
    """Signs that a model serves badly."""

    def watch(metric: str, purpose: str, description: str, statistic: str, threshold: float) -> Watch:
        return Watch(
            name=f"detector-{purpose}",
            description=description,
            namespace="AWS/SageMaker",
            metric=metric,
            dimensions={"EndpointName": names.of("detector"), "VariantName": _VARIANT},
            statistic=statistic,
            threshold=threshold,
            periods=3,
            period_seconds=_MINUTE,
        )

    return [
        watch("Invocation5XXErrors", "5xx", "The model's endpoint answers with errors.", "Sum", 3),
        watch("InvocationModelErrors", "model-errors", "The model itself refuses or fails at images.", "Sum", 3),
        watch("ModelLatency", "latency", "The model takes 20 seconds or more.", "Average", _SLOW_MICROSECONDS),
    ]


def looks_at_alarms(names: Names) -> Statement:
    """SageMaker asks with the endpoint's role whether a deployment has set off an alarm."""
    return Statement(
        actions=["cloudwatch:DescribeAlarms"], resources=[names.arn("cloudwatch", f"alarm:{names.of('detector')}-*")]
    )


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:_HASH_LENGTH]
