from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.recognize.budgets import Budgets, BudgetsError, CurrentBudgets


def document(**values: Any) -> bytes:
    return json.dumps({"schema": "imagesift.budgets/1", **values}).encode()


def test_budgets_are_read_in_micro_dollars_with_each_users_own_before_the_common_one() -> None:
    budgets = Budgets.from_json(document(stack_usd=50, user_usd=0.005, users={"7": 20.0, "8": None}))
    assert (budgets.stack, budgets.of_user("1")) == (50_000_000, 5000)
    assert (budgets.of_user("7"), budgets.of_user("8")) == (20_000_000, None)


@pytest.mark.parametrize("values", [{}, {"stack_usd": None, "user_usd": None, "users": None}])
def test_what_is_null_or_absent_is_no_limit(values: dict[str, None]) -> None:
    assert Budgets.from_json(document(**values)) == Budgets(None, None)


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"{}",
        b"[]",
        b'{"schema":"imagesift.budgets/2"}',
        document(stack_usd=-1),
        document(user_usd="5"),
        document(stack_usd=True),
        document(users=[1]),
        b'{"schema":"imagesift.budgets/1","stack_usd":NaN}',
    ],
)
def test_a_document_that_makes_no_sense_is_refused(written: bytes) -> None:
    with pytest.raises(BudgetsError):
        Budgets.from_json(written)


def test_a_changed_document_is_seen_within_ten_seconds_and_not_read_for_every_image() -> None:
    now, reads = [0.0], []

    def read() -> bytes:
        reads.append(now[0])
        return document(stack_usd=len(reads))

    current = CurrentBudgets(read, Budgets(), clock=lambda: now[0])
    seen = []
    for now[0] in (0, 4, 9.9, 10.1, 15):
        seen.append(current().stack)
    assert seen == [1_000_000, 1_000_000, 1_000_000, 2_000_000, 2_000_000]
    assert reads == [0, 10.1]


def test_without_a_document_the_environments_budgets_stand() -> None:
    assert CurrentBudgets(lambda: None, Budgets.of(5, None))() == Budgets(5_000_000, None)
