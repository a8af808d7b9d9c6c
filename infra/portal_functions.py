"""The three functions that hold Django: pages, what comes in from recognition, and commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi

from infra.config import StackConfig
from infra.database import Database
from infra.feed import Feed, FeedArgs
from infra.function import Function, FunctionArgs, Placement, Surroundings
from infra.migrations import Migrations, MigrationsArgs
from infra.permissions import (
    Statement,
    consumes,
    may_be_told_apart_from_denied,
    may_give_up_writing,
    on_all_objects,
    on_objects,
)
from infra.storage import Storage
from infra.timeouts import INGEST_SECONDS, MANAGE_SECONDS, WEB_SECONDS
from infra.work_queue import WorkQueue

_INGEST_MEMORY_MB = 512
_MANAGE_MEMORY_MB = 1024
_INGEST_BATCH = 10
# Few, so that a wave of results leaves the database, and an account's ten functions at once, to the pages.
_INGEST_AT_ONCE = 2
_WEBHOOKS = "outbox/webhooks/*"
_ORDERS = "outbox/training/*"
_LEARNING = ("datasets/*", "models/*")


@dataclass(frozen=True, kw_only=True)
class PortalFunctionsArgs:
    """`database_user_arn` names the database user that the functions sign in as.

    `role_archive` holds the function that makes that user.
    """

    config: StackConfig
    surroundings: Surroundings
    archive: Path
    role_archive: Path
    environment: Mapping[str, pulumi.Input[str]]
    placement: Placement
    storage: Storage
    ingest_queue: WorkQueue
    database: Database
    database_user_arn: pulumi.Input[str]


class PortalFunctions(pulumi.ComponentResource):
    """All run in the network, reach the database and S3, and ask anything else of AWS through the outbox."""

    def __init__(self, name: str, args: PortalFunctionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:portal:PortalFunctions", name, None, opts)
        self._args = args
        self._inside = pulumi.ResourceOptions(parent=self)
        self.manage = self._make("manage", _manage_statements(args), MANAGE_SECONDS, _MANAGE_MEMORY_MB)
        # With the new tables first, neither the old nor the new code ever misses one.
        migrated = self._migrate()
        self.ingest = self._make("ingest", _ingest_statements(args), INGEST_SECONDS, _INGEST_MEMORY_MB, migrated)
        self.web = self._make("web", _web_statements(args), WEB_SECONDS, args.config.web_memory_mb, migrated)
        Feed(
            "ingest",
            FeedArgs(
                names=args.surroundings.names,
                queue=args.ingest_queue.queue,
                function=self.ingest,
                batch_size=_INGEST_BATCH,
                at_once=_INGEST_AT_ONCE,
            ),
            self._inside,
        )
        self.register_outputs({})

    def _migrate(self) -> pulumi.Resource:
        args = self._args
        migrations = Migrations(
            "migrate",
            MigrationsArgs(
                surroundings=args.surroundings,
                archive=args.role_archive,
                portal_archive=args.archive,
                database=args.database,
                manage=self.manage,
            ),
            self._inside,
        )
        return migrations.migrated

    def _make(
        self,
        purpose: str,
        statements: Sequence[Statement],
        timeout_seconds: int,
        memory_mb: int,
        *after: pulumi.Resource,
    ) -> Function:
        args = self._args
        connect = Statement(actions=["rds-db:connect"], resources=[args.database_user_arn])
        return Function(
            purpose,
            FunctionArgs(
                surroundings=args.surroundings,
                purpose=purpose,
                archive=args.archive,
                environment=args.environment,
                statements=[*statements, connect],
                timeout_seconds=timeout_seconds,
                memory_mb=memory_mb,
                placement=args.placement,
                reserved_concurrency=args.config.web_concurrency if purpose == "web" else None,
                after=after,
                # `ingest` lets held images go on, which come back to it recognised or held once more.
                calls_itself_back=purpose == "ingest",
            ),
            self._inside,
        )


def _web_statements(args: PortalFunctionsArgs) -> list[Statement]:
    derived = args.storage.derived.arn
    return [
        # Upload forms, and addresses of originals and previews, are signed with these rights and used by browsers.
        on_objects(args.storage.uploads.arn, "uploads/*", "Get", "Put", "Delete"),
        # Datasets are made, and trainings looked after, by whoever looks.
        on_all_objects(derived, ["derived/*", *_LEARNING], "Get", "Put", "Delete"),
        on_objects(derived, "exports/*", "Get", "Put", "Delete"),
        on_objects(derived, "outbox/*", "Put"),
        on_objects(derived, _WEBHOOKS, "Delete"),
        *_sweeping(args),
    ]


def _ingest_statements(args: PortalFunctionsArgs) -> list[Statement]:
    uploads, derived = args.storage.uploads.arn, args.storage.derived.arn
    return [
        consumes(args.ingest_queue.queue.arn),
        on_objects(uploads, "imports/*", "Get", "Delete"),
        on_objects(uploads, "uploads/*", "Get", "Put"),
        # What a training job has left is taken in, and registered.
        on_all_objects(derived, ["derived/*", "models/*"], "Get", "Put"),
        on_all_objects(derived, [_WEBHOOKS, _ORDERS], "Put"),
        may_be_told_apart_from_denied(uploads),
        may_be_told_apart_from_denied(derived),
    ]


def _manage_statements(args: PortalFunctionsArgs) -> list[Statement]:
    derived = args.storage.derived.arn
    return [
        on_objects(args.storage.uploads.arn, "uploads/*", "Get", "Put", "Delete"),
        # The sweep builds datasets, looks after trainings, and erases what they leave.
        on_all_objects(derived, ["derived/*", *_LEARNING], "Get"),
        on_all_objects(derived, ["exports/*", *_LEARNING], "Put"),
        on_all_objects(derived, ["derived/*", "exports/*", "outbox/exports/*", *_LEARNING], "Delete"),
        on_all_objects(derived, ["outbox/exports/*", _ORDERS], "Put"),
        # The sweep makes images fail, and people's programs hear of it; it erases what people have taken back.
        on_objects(derived, _WEBHOOKS, "Put", "Delete"),
        *_sweeping(args),
    ]


def _sweeping(args: PortalFunctionsArgs) -> list[Statement]:
    """Of both functions that sweep and write archives: the budgets, half an archive, and what there is to find."""
    uploads, derived = args.storage.uploads.arn, args.storage.derived.arn
    return [
        on_objects(derived, "settings/budgets.json", "Get", "Put"),
        may_give_up_writing(derived, "exports/*"),
        may_be_told_apart_from_denied(uploads),
        may_be_told_apart_from_denied(derived),
    ]
