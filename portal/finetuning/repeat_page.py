"""What the pages tell of recognising the history again."""

from __future__ import annotations

from typing import Any, Final

from portal.accounts.models import User
from portal.finetuning import promoting
from portal.finetuning.deciding import PROMOTE
from portal.finetuning.models import ModelVersion, Repeat, RepeatState
from portal.finetuning.repeating import MOST_PER_MINUTE, PER_MINUTE, estimate, other_runs, served_as
from portal.images.workers import by_lambda

_SHOWN: Final = 10
_OPEN: Final = (RepeatState.RUNNING, RepeatState.PAUSED)


def section(version: ModelVersion, user: User) -> dict[str, Any]:
    """The context of `admin/finetuning/_repeat.html`, under `repeat`. Nothing is counted for it."""
    is_open = open_repeat()
    return {
        "open": is_open,
        "hindrance": hindrance(is_open) if is_open else "",
        "runs": promoting.running() == version,
        "may": user.has_perm(PROMOTE),
    }


def open_repeat() -> Repeat | None:
    """The one that goes on or is paused."""
    return Repeat.objects.filter(state__in=_OPEN).first()


def whole_page(user: User) -> dict[str, Any]:
    """The context of `admin/finetuning/repeat.html`, with what it would cost to begin now."""
    name, is_open = served_as(), open_repeat()
    return {
        "repeat": {
            "open": is_open,
            "hindrance": hindrance(is_open) if is_open else "",
            "other_runs": is_open is not None and other_runs(is_open),
            "may": user.has_perm(PROMOTE),
        },
        "served_as": name,
        "running": promoting.running(),
        "estimate": estimate() if name and is_open is None else None,
        "ended": Repeat.objects.exclude(state__in=_OPEN)[:_SHOWN],
        "per_minute": PER_MINUTE,
        "most_per_minute": MOST_PER_MINUTE,
        "by_lambda": by_lambda(),
    }


def hindrance(repeat: Repeat) -> str:
    """Why nothing is queued for it now, though nobody may have paused it; "" when nothing stands in its way."""
    runs = served_as()
    if runs == repeat.served_as:
        return ""
    if runs:
        return f"{runs} runs by now, so nothing more is queued. Cancel this and begin anew."
    if by_lambda():
        return "No recent result names a model of your own, so nothing more is queued until one does."
    return f"No model of your own runs any more. Cancel this, or have {repeat.served_as} run again."


def words(repeat: Repeat) -> str:
    """How far it is, and why it waits, in a sentence or two."""
    done = repeat.images_queued + repeat.images_left_alone
    sentence = f"{done:,} of {repeat.images_total:,} photos looked at, {repeat.images_queued:,} queued again"
    if repeat.images_left_alone:
        sentence += f", {repeat.images_left_alone:,} passed over"
    why = hindrance(repeat) if repeat.state == RepeatState.RUNNING else ""
    if why:
        return f"{sentence}. {why}"
    if repeat.state == RepeatState.RUNNING:
        minutes = -(-max(0, repeat.images_total - done) // repeat.per_minute)
        sentence += f"; about {minutes:,} min left"
    return f"{sentence}."
