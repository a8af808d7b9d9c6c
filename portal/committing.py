"""What is done once a transaction is committed, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

from django.db import transaction

P = ParamSpec("P")


def on_commit_robustly(do: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Call `do` when the transaction under way is committed; should it fail, that is logged, and what follows is done.

    Django's own way fails itself on what has no `__qualname__`, as a partial: what was to follow was left out.
    """

    def done_now() -> None:
        do(*args, **kwargs)

    done_now.__qualname__ = getattr(do, "__qualname__", repr(do))
    transaction.on_commit(done_now, robust=True)
