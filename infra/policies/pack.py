"""The rules as policies that Pulumi can run."""

from __future__ import annotations

from collections.abc import Callable

from pulumi_policy import (
    Policy,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from infra.policies import resource_rules, stack_rules

_RESOURCE_RULES: tuple[resource_rules.Rule, ...] = (
    resource_rules.no_public_bucket,
    resource_rules.tls_only,
    resource_rules.encrypted_at_rest,
    resource_rules.no_wildcard_action,
    resource_rules.no_wildcard_resource,
    resource_rules.logs_do_not_stay_for_ever,
    resource_rules.tagged,
    resource_rules.database_is_guarded,
    resource_rules.no_way_out,
    resource_rules.invoked_by_somebody_named,
)
_STACK_RULES: tuple[stack_rules.Rule, ...] = (
    stack_rules.every_bucket_is_closed,
    stack_rules.every_queue_is_closed,
    stack_rules.every_queue_has_dead_letters,
    stack_rules.messages_stay_hidden_long_enough,
    stack_rules.every_function_has_its_log,
)


def _of_resource(rule: resource_rules.Rule) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for message in rule(args.resource_type, args.props):
            report(message, None)

    return ResourceValidationPolicy(name=_name(rule), description=_description(rule), validate=validate)


def _of_stack(rule: stack_rules.Rule) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for urn, message in rule(args.resources):
            report(message, urn)

    return StackValidationPolicy(name=_name(rule), description=_description(rule), validate=validate)


def _name(rule: Callable[..., object]) -> str:
    return rule.__name__.replace("_", "-")


def _description(rule: Callable[..., object]) -> str:
    return (rule.__doc__ or "").splitlines()[0]


POLICIES: tuple[Policy, ...] = (
    *(_of_resource(rule) for rule in _RESOURCE_RULES),
    *(_of_stack(rule) for rule in _STACK_RULES),
)
