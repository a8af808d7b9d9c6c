"""What the page of a model version tells of it as a shadow."""

from __future__ import annotations

from typing import Any, Final

from portal.accounts.models import User
from portal.finetuning.deciding import PROMOTE
from portal.finetuning.models import ModelVersion
from portal.finetuning.shadow_summary import RUNNING, summary
from portal.finetuning.shadowing import current, refuse_unfit
from portal.moderation.deeds import Refused
from portal.moderation.quality.estimates import Precision
from portal.moderation.quality.whiskers import WIDTH, Whisker, whisker

PERCENT: Final = 20


def section(version: ModelVersion, user: User) -> dict[str, Any]:
    """The context of `admin/finetuning/_shadow.html`, under `shadow`."""
    run = version.shadow_runs.first()
    running = current()
    found = summary(run) if run else None
    return {
        "run": run,
        "other": running if running and running.version != version else None,
        "summary": found,
        "sides": [_side(each) for each in found.precision] if found else [],
        "labels": [_side(each) for each in found.precision_of_labels] if found else [],
        "width": WIDTH,
        "obstacle": obstacle(version),
        "may": user.has_perm(PROMOTE),
        "percent": PERCENT,
    }


def obstacle(version: ModelVersion) -> str:
    """Why a version cannot look at pictures here as a candidate, in a sentence; empty when it can."""
    try:
        refuse_unfit(version)
    except Refused as refused:
        return refused.message
    return ""


def _side(precision: Precision) -> tuple[str, Whisker]:
    return "What runs" if precision.detector == RUNNING else "This version", whisker(precision)
