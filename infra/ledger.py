"""Who is recognising what, and what it has cost: read and written by the function that pays."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.naming import Names


@dataclass(frozen=True, kw_only=True)
class LedgerArgs:
    names: Names
    protected: bool


class Ledger(pulumi.ComponentResource):
    """A table of claims and spending by `id`, paid by the request; rows vanish some time after `forget_at`."""

    def __init__(self, name: str, args: LedgerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:ledger:Ledger", name, None, opts)
        self.table = aws.dynamodb.Table(
            name,
            name=args.names.of("ledger"),
            billing_mode="PAY_PER_REQUEST",
            hash_key="id",
            attributes=[{"name": "id", "type": "S"}],
            ttl={"attribute_name": "forget_at", "enabled": True},
            point_in_time_recovery={"enabled": args.protected},
            deletion_protection_enabled=args.protected,
            tags=args.names.tagged("ledger"),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protected),
        )
        self.name = self.table.name
        self.arn = self.table.arn
        self.register_outputs({"table": self.name})
