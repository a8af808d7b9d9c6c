"""A network of its own without any way out but to S3, and that only to the stack's two buckets."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.config import NAMESPACE
from infra.naming import Names
from infra.permissions import Statement, document
from infra.values import ConfigError

POSTGRES_PORT = 5432
_HTTPS_PORT = 443
# What any function in the network does with objects; each may do less.
_OBJECT_ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload")
# Room for three zones, and one more.
_SUBNET_BITS = 2


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """`bucket_arns` are all that the functions in the network may reach of S3."""

    names: Names
    cidr: str
    availability_zones: int
    bucket_arns: Sequence[pulumi.Input[str]]


class Network(pulumi.ComponentResource):
    """Isolated subnets: no NAT gateway, internet gateway or interface endpoint, so nothing that costs by the hour."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:network:Network", name, None, opts)
        self._args = args
        self._inside = pulumi.ResourceOptions(parent=self)
        self.vpc = aws.ec2.Vpc(
            name,
            cidr_block=args.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=args.names.tagged("network"),
            opts=self._inside,
        )
        self._routes = aws.ec2.RouteTable(
            name, vpc_id=self.vpc.id, tags=args.names.tagged("isolated"), opts=self._inside
        )
        self.subnets = self._make_subnets()
        self.subnet_ids = [subnet.id for subnet in self.subnets]
        self.s3_endpoint = self._make_s3_endpoint()
        self.functions = self._security_group("functions", "Functions: to the database and to S3, and nowhere else")
        self.database = self._security_group("database", "Database: from the functions, and to nowhere")
        self._allow_database()
        self._allow_s3()
        self.register_outputs({"vpc_id": self.vpc.id})

    def _make_subnets(self) -> list[aws.ec2.Subnet]:
        wanted, zones = self._args.availability_zones, sorted(_zones().names)
        if len(zones) < wanted:
            raise ConfigError(f"{NAMESPACE}:availabilityZones must be at most {len(zones)} in this region.")
        ranges = ipaddress.ip_network(self._args.cidr).subnets(prefixlen_diff=_SUBNET_BITS)
        return [self._make_subnet(zone, str(cidr)) for zone, cidr in zip(zones[:wanted], ranges, strict=False)]

    def _make_subnet(self, zone: str, cidr: str) -> aws.ec2.Subnet:
        subnet = aws.ec2.Subnet(
            f"isolated-{zone}",
            vpc_id=self.vpc.id,
            availability_zone=zone,
            cidr_block=cidr,
            map_public_ip_on_launch=False,
            tags=self._args.names.tagged(f"isolated-{zone}"),
            opts=self._inside,
        )
        aws.ec2.RouteTableAssociation(
            f"isolated-{zone}", subnet_id=subnet.id, route_table_id=self._routes.id, opts=self._inside
        )
        return subnet

    def _make_s3_endpoint(self) -> aws.ec2.VpcEndpoint:
        objects = [pulumi.Output.concat(arn, "/*") for arn in self._args.bucket_arns]
        allowed = [
            Statement(principal="*", actions=_OBJECT_ACTIONS, resources=objects),
            Statement(principal="*", actions=["s3:ListBucket"], resources=self._args.bucket_arns),
        ]
        return aws.ec2.VpcEndpoint(
            "s3",
            vpc_id=self.vpc.id,
            service_name=f"com.amazonaws.{self._args.names.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[self._routes.id],
            policy=document(allowed),
            tags=self._args.names.tagged("s3"),
            opts=self._inside,
        )

    def _security_group(self, purpose: str, description: str) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            purpose,
            name=self._args.names.of(purpose),
            description=description,
            vpc_id=self.vpc.id,
            tags=self._args.names.tagged(purpose),
            opts=self._inside,
        )

    def _allow_database(self) -> None:
        aws.vpc.SecurityGroupEgressRule(
            "functions-to-database",
            security_group_id=self.functions.id,
            referenced_security_group_id=self.database.id,
            ip_protocol="tcp",
            from_port=POSTGRES_PORT,
            to_port=POSTGRES_PORT,
            tags=self._args.names.tagged("functions-to-database"),
            opts=self._inside,
        )
        aws.vpc.SecurityGroupIngressRule(
            "database-from-functions",
            security_group_id=self.database.id,
            referenced_security_group_id=self.functions.id,
            ip_protocol="tcp",
            from_port=POSTGRES_PORT,
            to_port=POSTGRES_PORT,
            tags=self._args.names.tagged("database-from-functions"),
            opts=self._inside,
        )

    def _allow_s3(self) -> None:
        aws.vpc.SecurityGroupEgressRule(
            "functions-to-s3",
            security_group_id=self.functions.id,
            prefix_list_id=self.s3_endpoint.prefix_list_id,
            ip_protocol="tcp",
            from_port=_HTTPS_PORT,
            to_port=_HTTPS_PORT,
            tags=self._args.names.tagged("functions-to-s3"),
            opts=self._inside,
        )


def _zones() -> aws.GetAvailabilityZonesResult:
    """The region's own zones: none of those near cities that a person has opted in to, and none without functions."""
    return aws.get_availability_zones(
        state="available",
        filters=[aws.GetAvailabilityZonesFilterArgs(name="opt-in-status", values=["opt-in-not-required"])],
        # The one zone, in us-east-1, in which Lambda places no function.
        exclude_zone_ids=["use1-az3"],
    )
