"""Budgets, which staff set, and what was spent, which nobody edits."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from portal.admin_site import ReadOnlyAdmin
from portal.images.budgets import budgets_changed
from portal.images.models import Budget, MonthlySpend
from portal.images.spending import purses
from portal.templatetags.money import dollars


@admin.register(Budget)
class BudgetAdmin(ModelAdmin):  # type: ignore[misc]
    """What may be spent in a month by a person, or by everybody together. Raising one lets held images go on."""

    list_display = ("whose", "amount", "spent_this_month", "changed_at")
    list_per_page = 50
    list_select_related = ("owner",)
    search_fields = ("owner__username", "owner__email")
    search_help_text = "Search by name or e-mail address"
    autocomplete_fields = ("owner",)
    fields = ("owner", "monthly_usd")

    def get_readonly_fields(self, _request: HttpRequest, obj: Budget | None = None) -> tuple[str, ...]:
        return ("whose",) if obj else ()

    def get_fields(self, _request: HttpRequest, obj: Budget | None = None) -> tuple[str, ...]:
        return ("whose", "monthly_usd") if obj else ("owner", "monthly_usd")

    @admin.display(description="Whose", ordering="owner__username")
    def whose(self, budget: Budget) -> str:
        return str(budget.owner) if budget.owner_id else "Everybody together"

    @admin.display(description="A month", ordering="monthly_usd")
    def amount(self, budget: Budget) -> str:
        return "No limit" if budget.monthly_usd is None else f"${budget.monthly_usd:,.2f}"

    @admin.display(description="Spent this month")
    def spent_this_month(self, budget: Budget) -> str:
        return dollars(purses([budget.owner_id])[budget.owner_id].spent)

    def save_model(self, request: HttpRequest, obj: Budget, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        budgets_changed()

    def delete_model(self, request: HttpRequest, obj: Budget) -> None:
        super().delete_model(request, obj)
        budgets_changed()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Budget]) -> None:
        super().delete_queryset(request, queryset)
        budgets_changed()


@admin.register(MonthlySpend)
class MonthlySpendAdmin(ReadOnlyAdmin):
    list_display = ("month_name", "whose", "paid", "recognitions")
    list_select_related = ("owner",)
    search_fields = ("owner__username", "owner__email")
    search_help_text = "Search by name or e-mail address"
    ordering = ("-month", "-micro_usd")
    fields = list_display

    @admin.display(description="Month", ordering="month")
    def month_name(self, spend: MonthlySpend) -> str:
        return f"{spend.month:%B %Y}"

    @admin.display(description="Whose", ordering="owner__username")
    def whose(self, spend: MonthlySpend) -> str:
        return str(spend.owner) if spend.owner_id else "Everybody together"

    @admin.display(description="Paid", ordering="micro_usd")
    def paid(self, spend: MonthlySpend) -> str:
        return dollars(spend.micro_usd)
