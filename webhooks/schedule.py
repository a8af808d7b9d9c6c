"""When an attempt that failed is repeated."""

from __future__ import annotations

from datetime import timedelta

_WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
)
ATTEMPTS = len(_WAITS) + 1


def next_wait(attempt: int) -> timedelta | None:
    """How long to wait after this attempt has failed, counted from 1; None when it was the last."""
    return _WAITS[attempt - 1] if attempt < ATTEMPTS else None
