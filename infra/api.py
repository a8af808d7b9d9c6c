"""What leads from the HTTP API to the function that serves pages."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.address import Address
from infra.function import Function
from infra.naming import Names

# The REST API of the portal has a rate of its own, so that a script cannot take the pages from people.
_API_ROUTE = "ANY /api/{proxy+}"
_BURST_FACTOR = 2
# Without the path: it holds the keys of links to reset a password or confirm an address.
_ACCESS_LOG = {
    "time": "$context.requestTime",
    "request_id": "$context.requestId",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "route": "$context.routeKey",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "milliseconds": "$context.responseLatency",
    "error": "$context.error.message",
    "integration_error": "$context.integrationErrorMessage",
}


@dataclass(frozen=True, kw_only=True)
class ApiArgs:
    """Rates in requests a second; twice as many may come at once."""

    names: Names
    address: Address
    web: Function
    requests_per_second: int
    api_requests_per_second: int
    log_retention_days: int


class Api(pulumi.ComponentResource):
    """Routes, rates and access logs of the portal's address."""

    def __init__(self, name: str, args: ApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:api:Api", name, None, opts)
        self._args = args
        self._inside = pulumi.ResourceOptions(parent=self)
        self._api = args.address.api
        routes = self._make_routes(name)
        self.stage = self._make_stage(name, routes)
        aws.lambda_.Permission(
            name,
            function=args.web.name,
            action="lambda:InvokeFunction",
            principal="apigateway.amazonaws.com",
            source_arn=pulumi.Output.concat(self._api.execution_arn, "/*"),
            opts=self._inside,
        )
        if args.address.domain is not None:
            aws.apigatewayv2.ApiMapping(
                name,
                api_id=self._api.id,
                domain_name=args.address.domain.id,
                stage=self.stage.id,
                opts=self._inside,
            )
        self.register_outputs({})

    def _make_routes(self, name: str) -> list[aws.apigatewayv2.Route]:
        integration = aws.apigatewayv2.Integration(
            name,
            api_id=self._api.id,
            integration_type="AWS_PROXY",
            integration_uri=self._args.web.function.invoke_arn,
            integration_method="POST",
            payload_format_version="2.0",
            opts=self._inside,
        )
        target = pulumi.Output.concat("integrations/", integration.id)
        keys = {"pages": "$default", "api": _API_ROUTE}
        return [
            aws.apigatewayv2.Route(purpose, api_id=self._api.id, route_key=key, target=target, opts=self._inside)
            for purpose, key in keys.items()
        ]

    def _make_stage(self, name: str, routes: list[aws.apigatewayv2.Route]) -> aws.apigatewayv2.Stage:
        args = self._args
        log = aws.cloudwatch.LogGroup(
            name,
            # Groups of this prefix need no resource policy for each, of which an account has few.
            name=f"/aws/vendedlogs/{args.names.of('access')}",
            retention_in_days=args.log_retention_days,
            tags=args.names.tagged("access"),
            opts=self._inside,
        )
        return aws.apigatewayv2.Stage(
            name,
            api_id=self._api.id,
            name="$default",
            auto_deploy=True,
            access_log_settings={
                "destination_arn": log.arn,
                "format": pulumi.Output.json_dumps(_ACCESS_LOG),
            },
            default_route_settings={
                "throttling_rate_limit": args.requests_per_second,
                "throttling_burst_limit": _BURST_FACTOR * args.requests_per_second,
            },
            route_settings=[
                {
                    "route_key": _API_ROUTE,
                    "throttling_rate_limit": args.api_requests_per_second,
                    "throttling_burst_limit": _BURST_FACTOR * args.api_requests_per_second,
                }
            ],
            tags=args.names.tagged("portal"),
            # A stage takes settings of routes that are there.
            opts=pulumi.ResourceOptions(parent=self, depends_on=routes),
        )
