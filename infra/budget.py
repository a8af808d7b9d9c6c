"""AWS's own watch over the account's bill."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.naming import Names


@dataclass(frozen=True, kw_only=True)
class BudgetArgs:
    """`monthly_usd` is for the whole account: a tag counts in a bill only after a person has activated it."""

    names: Names
    monthly_usd: float
    topic: aws.sns.Topic
    topic_policy: aws.sns.TopicPolicy


class Budget(pulumi.ComponentResource):
    """Tells the topic when most of the budget is spent, and when the month is forecast to pass it."""

    def __init__(self, name: str, args: BudgetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("imagesift:budget:Budget", name, None, opts)
        self.budget = aws.budgets.Budget(
            name,
            name=args.names.of("monthly"),
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{args.monthly_usd:.2f}",
            limit_unit="USD",
            notifications=[
                {
                    "comparison_operator": "GREATER_THAN",
                    "notification_type": kind,
                    "threshold": threshold,
                    "threshold_type": "PERCENTAGE",
                    "subscriber_sns_topic_arns": [args.topic.arn],
                }
                for kind, threshold in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
            tags=args.names.tagged("monthly"),
            # AWS looks at once whether it may speak to the topic.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.topic_policy]),
        )
        self.register_outputs({})
