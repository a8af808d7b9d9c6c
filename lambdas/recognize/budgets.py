"""What may be spent in a calendar month: the administrator's word in the derived bucket, else the environment's."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from recognition.prices import MICRO_USD

SCHEMA: Final = "imagesift.budgets/1"
_CACHED_S: Final = 10.0


class BudgetsError(ValueError):
    """A budgets document that cannot be followed."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """In micro-dollars a month; None is no limit. `users` overrides `user` for those it names."""

    stack: int | None = None
    user: int | None = None
    users: Mapping[str, int | None] = field(default_factory=dict)

    @classmethod
    def of(cls, stack_usd: float | None, user_usd: float | None) -> Budgets:
        return cls(_micro(stack_usd), _micro(user_usd))

    @classmethod
    def from_json(cls, document: bytes) -> Budgets:
        """Read `{"schema": "imagesift.budgets/1", "stack_usd": 50.0, "user_usd": 5.0, "users": {"<owner>": 20.0}}`.

        A budget that is null or absent is no limit. Raises BudgetsError.
        """
        try:
            values = json.loads(document)
            if values["schema"] != SCHEMA:
                raise BudgetsError(f"unknown schema {values['schema']!r}")
            users = {owner: _micro(usd) for owner, usd in (values.get("users") or {}).items()}
            return cls(_micro(values.get("stack_usd")), _micro(values.get("user_usd")), users)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BudgetsError(f"not a budgets document: {error!r}") from error

    def of_user(self, owner_id: str) -> int | None:
        return self.users.get(owner_id, self.user)


class CurrentBudgets:
    """The budgets as they stand, at most ten seconds old. `read` answers None where nobody has written any."""

    def __init__(
        self, read: Callable[[], bytes | None], otherwise: Budgets, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._otherwise = otherwise
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[float, Budgets] | None = None

    def __call__(self) -> Budgets:
        """Raises BudgetsError for a document that cannot be followed: rather wait than spend what nobody allowed."""
        with self._lock:
            if self._known is None or self._clock() - self._known[0] > _CACHED_S:
                document = self._read()
                budgets = self._otherwise if document is None else Budgets.from_json(document)
                self._known = (self._clock(), budgets)
            return self._known[1]


def _micro(usd: Any) -> int | None:
    if usd is None:
        return None
    if isinstance(usd, bool) or not isinstance(usd, int | float) or not math.isfinite(usd) or usd < 0:
        raise BudgetsError(f"a budget is a number of 0 or more, not {usd!r}")
    return round(usd * MICRO_USD)
