"""RDS Proxy between the functions and the database, for stacks with very many of them at once."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.database import DATABASE_USER, Database
from infra.naming import Names
from infra.network import POSTGRES_PORT, Network
from infra.permissions import Statement, document, trusts


@dataclass(frozen=True, kw_only=True)
class DatabaseProxyArgs:
    names: Names
    network: Network
    database: Database


class DatabaseProxy(pulumi.ComponentResource):
    """Functions sign in to it by IAM, and it signs in to the database by IAM: nobody keeps a password.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy-iam-setup.html
    """

    def __init__(self, name: str, args: DatabaseProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:database:DatabaseProxy", name, None, opts)
        self._args = args
        self._inside = pulumi.ResourceOptions(parent=self)
        self.proxy = self._make_proxy(name, self._make_role(name))
        ways = [self._make_target(name), *self._admit_to_database()]
        # Known to nobody before it leads to the database: the migrations, for one, would knock in vain.
        self.host = pulumi.Output.all(self.proxy.endpoint, *(way.id for way in ways)).apply(lambda known: str(known[0]))
        # arn:aws:rds:region:account:db-proxy:prx-…
        proxy_id = self.proxy.arn.apply(lambda arn: arn.rsplit(":", 1)[-1])
        self.user_arn = pulumi.Output.concat(args.names.arn("rds-db", "dbuser:"), proxy_id, "/", DATABASE_USER)
        self.register_outputs({"host": self.host})

    def _make_role(self, name: str) -> aws.iam.Role:
        role = aws.iam.Role(
            name,
            name=self._args.names.of("database-proxy"),
            assume_role_policy=trusts("rds.amazonaws.com"),
            tags=self._args.names.tagged("database-proxy"),
            opts=self._inside,
        )
        aws.iam.RolePolicy(
            name,
            name="rights",
            role=role.name,
            policy=document([Statement(actions=["rds-db:connect"], resources=[self._args.database.user_arn])]),
            opts=self._inside,
        )
        return role

    def _make_proxy(self, name: str, role: aws.iam.Role) -> aws.rds.Proxy:
        return aws.rds.Proxy(
            name,
            name=self._args.names.of("database"),
            engine_family="POSTGRESQL",
            default_auth_scheme="IAM_AUTH",
            require_tls=True,
            role_arn=role.arn,
            vpc_subnet_ids=self._args.network.subnet_ids,
            vpc_security_group_ids=[self._args.network.database.id],
            tags=self._args.names.tagged("database-proxy"),
            opts=self._inside,
        )

    def _make_target(self, name: str) -> aws.rds.ProxyTarget:
        group = aws.rds.ProxyDefaultTargetGroup(name, db_proxy_name=self.proxy.name, opts=self._inside)
        return aws.rds.ProxyTarget(
            name,
            db_proxy_name=self.proxy.name,
            target_group_name=group.name,
            db_cluster_identifier=self._args.database.identifier,
            opts=pulumi.ResourceOptions(parent=self, depends_on=self._args.database.instances),
        )

    def _admit_to_database(self) -> list[pulumi.CustomResource]:
        """The proxy stands in the database's security group, whose members otherwise do not reach each other."""
        group = self._args.network.database.id
        tags = self._args.names.tagged("database-from-proxy")
        admitted = aws.vpc.SecurityGroupIngressRule(
            "database-from-proxy",
            security_group_id=group,
            referenced_security_group_id=group,
            ip_protocol="tcp",
            from_port=POSTGRES_PORT,
            to_port=POSTGRES_PORT,
            tags=tags,
            opts=self._inside,
        )
        let_out = aws.vpc.SecurityGroupEgressRule(
            "proxy-to-database",
            security_group_id=group,
            referenced_security_group_id=group,
            ip_protocol="tcp",
            from_port=POSTGRES_PORT,
            to_port=POSTGRES_PORT,
            tags=tags,
            opts=self._inside,
        )
        return [admitted, let_out]
