"""Where the portal is found: the HTTP API's own address, or a host name of the person's."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.naming import Names

_VALIDATION_TTL_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class AddressArgs:
    """Without a domain the API's own address is used; with one, that address is closed."""

    names: Names
    domain: str | None
    hosted_zone_id: str | None
    certificate_arn: str | None


class Address(pulumi.ComponentResource):
    """The HTTP API before it leads anywhere, so that everything that must know the portal's `origin` can."""

    def __init__(self, name: str, args: AddressArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:address:Address", name, None, opts)
        self._args = args
        self._inside = pulumi.ResourceOptions(parent=self)
        self.api = aws.apigatewayv2.Api(
            name,
            name=args.names.of("portal"),
            protocol_type="HTTP",
            disable_execute_api_endpoint=args.domain is not None,
            tags=args.names.tagged("portal"),
            opts=self._inside,
        )
        self.domain = None if args.domain is None else self._make_domain(name, args.domain)
        self.host: pulumi.Output[str] = (
            self.api.api_endpoint.apply(lambda endpoint: endpoint.split("://", 1)[-1])
            if self.domain is None
            else self.domain.domain_name
        )
        self.origin = pulumi.Output.concat("https://", self.host)
        self.register_outputs({"origin": self.origin})

    def _make_domain(self, name: str, host: str) -> aws.apigatewayv2.DomainName:
        domain = aws.apigatewayv2.DomainName(
            name,
            domain_name=host,
            domain_name_configuration={
                "certificate_arn": self._args.certificate_arn or self._make_certificate(name, host),
                "endpoint_type": "REGIONAL",
                "security_policy": "TLS_1_2",
            },
            tags=self._args.names.tagged("portal"),
            opts=self._inside,
        )
        if self._args.hosted_zone_id is not None:
            target = domain.domain_name_configuration
            aws.route53.Record(
                name,
                zone_id=self._args.hosted_zone_id,
                name=host,
                type="A",
                aliases=[
                    {
                        "name": target.target_domain_name.apply(lambda name: name or ""),
                        "zone_id": target.hosted_zone_id.apply(lambda zone: zone or ""),
                        "evaluate_target_health": False,
                    }
                ],
                opts=self._inside,
            )
        return domain

    def _make_certificate(self, name: str, host: str) -> pulumi.Output[str]:
        """A certificate that ACM issues, and renews, as long as the record by which it knows us stands."""
        certificate = aws.acm.Certificate(
            name,
            domain_name=host,
            validation_method="DNS",
            tags=self._args.names.tagged("portal"),
            # A changed host must have its new certificate before the old one goes.
            opts=self._inside,
        )
        option = certificate.domain_validation_options[0]
        record = aws.route53.Record(
            f"{name}-validation",
            zone_id=self._args.hosted_zone_id or "",
            name=option.resource_record_name.apply(lambda name: name or ""),
            type=option.resource_record_type.apply(lambda kind: kind or "CNAME"),
            records=[option.resource_record_value.apply(lambda value: value or "")],
            ttl=_VALIDATION_TTL_SECONDS,
            opts=self._inside,
        )
        issued = aws.acm.CertificateValidation(
            name, certificate_arn=certificate.arn, validation_record_fqdns=[record.fqdn], opts=self._inside
        )
        return issued.certificate_arn
