"""What recognition costs: the amounts that may be spent in a month, and those that were."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

# The unique key of the row for everybody together, whose owner is NULL: two NULLs are never equal to a database.
_OWNER_OR_NOBODY = Coalesce(F("owner"), Value(0))


class Hold(models.TextChoices):
    """Why a queued image is not being recognised yet."""

    NONE = "", "Not held"
    USER_BUDGET = "user_budget", "The person's budget is used up"
    STACK_BUDGET = "stack_budget", "Everybody's budget is used up"


class Budget(models.Model):
    """What may be spent on recognition in a month (UTC), by a person or by everybody together. Beats the settings."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="budget",
        verbose_name="person",
        help_text="Leave empty for the budget of everybody together.",
    )
    monthly_usd = models.DecimalField(
        "US dollars a month",
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
        help_text="Leave empty for no limit. With 0, nothing that is charged for is recognised.",
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = [F("owner").asc(nulls_first=True)]
        constraints = [
            models.UniqueConstraint(
                _OWNER_OR_NOBODY, name="budget_once", violation_error_message="There is a budget for this already."
            ),
            models.CheckConstraint(condition=Q(monthly_usd__gte=0), name="budget_not_negative"),
        ]

    def __str__(self) -> str:
        whose = f"{self.owner}" if self.owner_id else "everybody together"
        amount = "no limit" if self.monthly_usd is None else f"${self.monthly_usd:,.2f} a month"
        return f"{whose}: {amount}"


class MonthlySpend(models.Model):
    """What was paid in a month for a person's recognitions, and in the row without an owner for everybody's.

    Deleting images gives nothing back, and a person who leaves takes along their own row only: the other keeps its sum.
    """

    # Without a constraint in the database: inserting a row would wait for the lock on the person's, which somebody
    # holds who is deleting that person and waits for the lock on the image that this spend is of.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="monthly_spend",
    )
    month = models.DateField(help_text="Its first day (UTC).")
    micro_usd = models.BigIntegerField(default=0, help_text="Millionths of a US dollar.")
    recognitions = models.PositiveIntegerField(default=0, help_text="How many were paid for.")

    class Meta:
        ordering = ["-month"]
        indexes = [models.Index(fields=["month", "-micro_usd"], name="monthly_spend_by_month")]
        constraints = [models.UniqueConstraint(_OWNER_OR_NOBODY, "month", name="monthly_spend_once")]

    def __str__(self) -> str:
        return f"${self.micro_usd / 1_000_000:,.2f} in {self.month:%B %Y}"
