"""Brings the database to where the deployed code needs it, each time that the code changes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra.database import DATABASE_NAME, DATABASE_USER, Database
from infra.function import Function, FunctionArgs, Surroundings
from infra.permissions import Statement
from infra.timeouts import DATABASE_ROLE_SECONDS

_ROLE_MEMORY_MB = 256


@dataclass(frozen=True, kw_only=True)
class MigrationsArgs:
    """`archive` holds the function that makes the database user, `portal_archive` the migrations."""

    surroundings: Surroundings
    archive: Path
    portal_archive: Path
    database: Database
    manage: Function


class Migrations(pulumi.ComponentResource):
    """First the database user that signs in by IAM, with the master's secret through the Data API; then the tables."""

    def __init__(self, name: str, args: MigrationsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:migrations:Migrations", name, None, opts)
        database = args.database
        self.database_role = self._make_database_role(args)
        user = aws.lambda_.Invocation(
            "database-role",
            function_name=self.database_role.name,
            input=json.dumps({}),
            # A database restored under another name has a user of its own to be made.
            triggers={"cluster": database.resource_id, "archive": _sha256(args.archive)},
            opts=pulumi.ResourceOptions(parent=self, depends_on=database.instances),
        )
        self.migrated = aws.lambda_.Invocation(
            name,
            function_name=args.manage.name,
            input=json.dumps({"command": "migrate"}),
            triggers={"cluster": database.resource_id, "archive": _sha256(args.portal_archive)},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[user, args.manage.function]),
        )
        self.register_outputs({})

    def _make_database_role(self, args: MigrationsArgs) -> Function:
        database = args.database
        return Function(
            "database-role",
            FunctionArgs(
                surroundings=args.surroundings,
                purpose="database_role",
                archive=args.archive,
                environment={
                    "DATABASE_CLUSTER_ARN": database.arn,
                    "DATABASE_SECRET_ARN": database.secret_arn,
                    "DATABASE_NAME": DATABASE_NAME,
                    "DATABASE_USER": DATABASE_USER,
                },
                statements=[
                    Statement(actions=["rds-data:ExecuteStatement"], resources=[database.arn]),
                    Statement(actions=["secretsmanager:GetSecretValue"], resources=[database.secret_arn]),
                ],
                timeout_seconds=DATABASE_ROLE_SECONDS,
                memory_mb=_ROLE_MEMORY_MB,
            ),
            pulumi.ResourceOptions(parent=self),
        )


def _sha256(archive: Path) -> str:
    return hashlib.sha256(archive.read_bytes()).hexdigest()
