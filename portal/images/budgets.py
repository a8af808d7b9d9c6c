"""The budgets as the `recognize` Lambda knows them: it cannot reach the database, so they lie beside the results."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from portal.committing import on_commit_robustly
from portal.images.holding import release_held
from portal.images.models import Budget

KEY = "settings/budgets.json"
SCHEMA = "imagesift.budgets/1"


def budgets_changed() -> None:
    """Make known what may be spent from now on, and let those images go on that waited for it.

    It happens once the transaction is committed; what fails is made up for by the next sweep.
    """
    on_commit_robustly(publish_budgets)
    on_commit_robustly(release_held, budgets_changed=True)


def publish_budgets() -> bool:
    """Write down the budgets where the Lambdas look for them, if they lie there differently. True when it did."""
    if settings.RECOGNIZED_BY != "lambda":
        return False
    document = budgets_document()
    if _published() == document:
        return False
    storages["derived"].save(KEY, ContentFile(json.dumps(document).encode()))
    return True


def budgets_document() -> dict[str, Any]:
    """The effective budgets in US dollars a month; null is no limit. Only people with one of their own are named."""
    rows: dict[int | None, Decimal | None] = dict(Budget.objects.order_by("pk").values_list("owner_id", "monthly_usd"))
    everybody = rows.pop(None, settings.MONTHLY_BUDGET_USD)
    return {
        "schema": SCHEMA,
        "stack_usd": _number(everybody),
        "user_usd": _number(settings.MONTHLY_BUDGET_PER_USER_USD),
        "users": {str(owner_id): _number(amount) for owner_id, amount in rows.items()},
    }


def _number(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def _published() -> Any:
    try:
        with storages["derived"].open(KEY) as file:
            return json.loads(file.read())
    except (FileNotFoundError, ValueError):
        return None
