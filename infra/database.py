"""Aurora PostgreSQL Serverless v2: pauses when nobody is there, and knows its users by IAM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.naming import Names
from infra.network import POSTGRES_PORT

DATABASE_NAME = "imagesift"
DATABASE_USER = "imagesift"
_ENGINE = aws.rds.EngineType.AURORA_POSTGRESQL


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    """Capacities in Aurora capacity units; a minimum of 0 lets the database pause.

    `keeps_last_snapshot`: not the same as `protected`, which must be off before the database can be deleted at all.
    """

    names: Names
    version: str
    min_capacity: float
    max_capacity: float
    pause_after_seconds: int
    instances: int
    backup_days: int
    protected: bool
    keeps_last_snapshot: bool
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]


class Database(pulumi.ComponentResource):
    """Encrypted, backed up, reachable from the functions alone; AWS keeps and turns the master password.

    The Data API is on, so that `pulumi up` can make the functions' database user without a way into the network.
    """

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:database:Database", name, None, opts)
        self._args = args
        self._inside = pulumi.ResourceOptions(parent=self)
        self.cluster = self._make_cluster(name)
        self.instances = [self._make_instance(number) for number in range(args.instances)]
        self.arn = self.cluster.arn
        self.identifier = self.cluster.cluster_identifier
        self.host = self.cluster.endpoint
        self.port = self.cluster.port.apply(str)
        self.resource_id = self.cluster.cluster_resource_id
        self.secret_arn = self.cluster.master_user_secrets.apply(lambda secrets: secrets[0].secret_arn or "")
        self.user_arn = pulumi.Output.concat(args.names.arn("rds-db", "dbuser:"), self.resource_id, "/", DATABASE_USER)
        self.register_outputs({"host": self.host})

    def _make_cluster(self, name: str) -> aws.rds.Cluster:
        args = self._args
        subnets = aws.rds.SubnetGroup(
            name,
            name=args.names.of("database"),
            subnet_ids=args.subnet_ids,
            tags=args.names.tagged("database"),
            opts=self._inside,
        )
        return aws.rds.Cluster(
            name,
            cluster_identifier=args.names.of("database"),
            engine=_ENGINE,
            engine_mode=aws.rds.EngineMode.PROVISIONED,
            engine_version=args.version,
            database_name=DATABASE_NAME,
            port=POSTGRES_PORT,
            master_username="imagesift_admin",
            manage_master_user_password=True,
            iam_database_authentication_enabled=True,
            enable_http_endpoint=True,
            storage_encrypted=True,
            backup_retention_period=args.backup_days,
            copy_tags_to_snapshot=True,
            deletion_protection=args.protected,
            skip_final_snapshot=not args.keeps_last_snapshot,
            final_snapshot_identifier=args.names.of("database-last") if args.keeps_last_snapshot else None,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[args.security_group_id],
            serverlessv2_scaling_configuration=_scaling(args),
            apply_immediately=True,
            tags=args.names.tagged("database"),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protected),
        )

    def _make_instance(self, number: int) -> aws.rds.ClusterInstance:
        purpose = f"database-{number + 1}"
        return aws.rds.ClusterInstance(
            purpose,
            identifier=self._args.names.of(purpose),
            cluster_identifier=self.cluster.id,
            engine=_ENGINE,
            engine_version=self.cluster.engine_version,
            instance_class="db.serverless",
            publicly_accessible=False,
            # The first two tiers keep pace with the writer, so a failover finds an instance that is large enough.
            promotion_tier=min(number, 1),
            # What AWS has upgraded by itself, the next `pulumi up` would try to take back: databaseVersion decides.
            auto_minor_version_upgrade=False,
            apply_immediately=True,
            copy_tags_to_snapshot=True,
            tags=self._args.names.tagged(purpose),
            opts=self._inside,
        )


def _scaling(args: DatabaseArgs) -> aws.rds.ClusterServerlessv2ScalingConfigurationArgs:
    return aws.rds.ClusterServerlessv2ScalingConfigurationArgs(
        min_capacity=args.min_capacity,
        max_capacity=args.max_capacity,
        seconds_until_auto_pause=args.pause_after_seconds if args.min_capacity == 0 else None,
    )
