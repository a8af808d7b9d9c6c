"""What a person sees of the stack, and what they are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from infra.address import Address
from infra.alarms import Alarms, AlarmsArgs, Watch
from infra.budget import Budget, BudgetArgs
from infra.dashboard import Dashboard, DashboardArgs
from infra.database import Database
from infra.function import Function
from infra.naming import Names
from infra.queues import Queues
from infra.watches import dead_letters_watch, function_watches, portal_watches, queue_watches


@dataclass(frozen=True, kw_only=True)
class ObservationArgs:
    """`functions` by their purpose; `budget_usd` is a month's for the whole account."""

    names: Names
    email: str | None
    budget_usd: float
    functions: Mapping[str, Function]
    queues: Queues
    address: Address
    database: Database


class Observation(pulumi.ComponentResource):
    """Alarms, the budget and the dashboard."""

    def __init__(self, name: str, args: ObservationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:observation:Observation", name, None, opts)
        inside = pulumi.ResourceOptions(parent=self)
        alarms = Alarms("alarms", AlarmsArgs(names=args.names, email=args.email, watches=_watches(args)), inside)
        Budget(
            "budget",
            BudgetArgs(names=args.names, monthly_usd=args.budget_usd, topic=alarms.topic, topic_policy=alarms.policy),
            inside,
        )
        Dashboard(
            "dashboard",
            DashboardArgs(
                names=args.names,
                queues={purpose: queue.queue.name for purpose, queue in args.queues.by_purpose().items()},
                functions={purpose: function.name for purpose, function in args.functions.items()},
                api_id=args.address.api.id,
                cluster=args.database.identifier,
            ),
            inside,
        )
        self.register_outputs({})


def _watches(args: ObservationArgs) -> list[Watch]:
    queues = args.queues.by_purpose()
    return [
        dead_letters_watch(args.functions["dead-letters"]),
        *(watch for purpose, queue in queues.items() for watch in queue_watches(queue, purpose)),
        *(watch for purpose, function in args.functions.items() for watch in function_watches(function, purpose)),
        *portal_watches(args.address, args.database),
    ]
