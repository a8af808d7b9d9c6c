from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest

from lambdas.pointers import HoldReason
from lambdas.recognize.ledger import LEASE_S, Ledger, OverBudget
from tests.lambdas.world import LEDGER, World

NOVEMBER_ENDS = 1_793_491_199.5
"""2026-10-31 23:59:59.5 UTC, half a second before the month turns."""


class Clock:
    def __init__(self, now: float = NOVEMBER_ENDS) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(world: World, clock: Clock) -> Ledger:
    return Ledger(world.clients.dynamodb, LEDGER, clock)


def spend(ledger: Ledger, owner: str = "7", amount: int = 10, **limits: int | None) -> None:
    with ledger.reserved(owner, amount, **{"user_limit": None, "stack_limit": None, **limits}) as reservation:
        reservation.billed = amount


def test_a_claim_is_one_holders_until_it_is_released(ledger: Ledger) -> None:
    with ledger.claimed("7", "a" * 64, "c") as first, ledger.claimed("7", "a" * 64, "c") as second:
        assert (first, second) == (True, False)
    with ledger.claimed("7", "a" * 64, "c") as again:
        assert again


def test_claims_on_other_owners_contents_and_configurations_are_free(ledger: Ledger) -> None:
    with (
        ledger.claimed("7", "a" * 64, "c") as mine,
        ledger.claimed("8", "a" * 64, "c") as theirs,
        ledger.claimed("7", "b" * 64, "c") as other,
        ledger.claimed("7", "a" * 64, "d") as anew,
    ):
        assert all((mine, theirs, other, anew))


def test_of_many_who_claim_at_once_one_gets_it(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as pool:
        claims = [ledger.claimed("7", "a" * 64, "c") for _ in range(24)]
        assert sum(pool.map(lambda claim: claim.__enter__(), claims)) == 1


def test_a_claim_whose_holder_is_gone_runs_out_and_its_end_takes_nothing_from_the_next(
    ledger: Ledger, clock: Clock, world: World
) -> None:
    with ledger.claimed("7", "a" * 64, "c") as lost:
        clock.now += LEASE_S
        with ledger.claimed("7", "a" * 64, "c") as early:
            assert (lost, early) == (True, False)
        clock.now += 1
        late = ledger.claimed("7", "a" * 64, "c")
        assert late.__enter__()
    assert len(world.claims()) == 1
    late.__exit__(None, None, None)
    assert not world.claims()


def test_a_claim_whose_answer_was_lost_is_ours_when_it_is_sent_again(ledger: Ledger, world: World) -> None:
    put_item = world.clients.dynamodb.put_item

    def twice(**request: Any) -> Any:
        put_item(**request)
        return put_item(**request)

    ledger._dynamodb = mock.Mock(wraps=world.clients.dynamodb, put_item=twice)
    with ledger.claimed("7", "a" * 64, "c") as ours:
        assert ours
        ledger._dynamodb = world.clients.dynamodb
        with ledger.claimed("7", "a" * 64, "c") as theirs:
            assert not theirs


def test_a_claim_ends_with_an_error_too(ledger: Ledger, world: World) -> None:
    with pytest.raises(RuntimeError), ledger.claimed("7", "a" * 64, "c"):
        raise RuntimeError
    assert not world.claims()


def test_what_was_not_billed_is_given_back(ledger: Ledger, world: World) -> None:
    with ledger.reserved("7", 100, user_limit=None, stack_limit=None) as reservation:
        assert world.spent() == {"2026-10#7": 100, "2026-10#stack": 100}
        reservation.billed = 30
    assert world.spent() == {"2026-10#7": 30, "2026-10#stack": 30}


def test_an_error_before_anything_is_billed_gives_all_of_it_back(ledger: Ledger, world: World) -> None:
    with pytest.raises(RuntimeError), ledger.reserved("7", 100, user_limit=None, stack_limit=None):
        raise RuntimeError
    assert set(world.spent().values()) == {0}


def test_nothing_is_written_for_what_costs_nothing(ledger: Ledger, world: World) -> None:
    spend(ledger, amount=0, user_limit=0, stack_limit=0)
    assert world.spent() == {}


@pytest.mark.parametrize("limit", ["user_limit", "stack_limit"])
def test_a_budget_holds_to_the_last_micro_dollar_under_eight_threads(ledger: Ledger, world: World, limit: str) -> None:
    def attempt(_: int) -> bool:
        try:
            spend(ledger, amount=30, **{limit: 299})
        except OverBudget:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(40))) == 9

    assert world.spent() == {"2026-10#7": 270, "2026-10#stack": 270}


def test_a_first_amount_over_the_budget_is_refused(ledger: Ledger, world: World) -> None:
    with pytest.raises(OverBudget):
        spend(ledger, amount=30, user_limit=29)
    assert world.spent() == {}


def test_the_refusal_names_whose_budget_of_which_month_it_is(ledger: Ledger) -> None:
    with pytest.raises(OverBudget) as user:
        spend(ledger, user_limit=0, stack_limit=0)
    with pytest.raises(OverBudget) as stack:
        spend(ledger, user_limit=None, stack_limit=0)
    assert (user.value.reason, user.value.month) == (HoldReason.USER_BUDGET, "2026-10")
    assert stack.value.reason is HoldReason.STACK_BUDGET


def test_the_owners_reservation_is_undone_when_the_stack_refuses(ledger: Ledger, world: World) -> None:
    spend(ledger, "8", 50)
    with pytest.raises(OverBudget):
        spend(ledger, "7", 60, stack_limit=100)
    assert world.spent() == {"2026-10#7": 0, "2026-10#8": 50, "2026-10#stack": 50}


def test_a_new_month_begins_with_nothing_spent(ledger: Ledger, clock: Clock, world: World) -> None:
    spend(ledger, amount=90, user_limit=100)
    with pytest.raises(OverBudget):
        spend(ledger, amount=90, user_limit=100)
    clock.now += 1

    spend(ledger, amount=90, user_limit=100)

    assert world.spent()["2026-11#7"] == 90


def test_what_is_reserved_before_the_month_turns_is_settled_in_its_month(
    ledger: Ledger, clock: Clock, world: World
) -> None:
    with ledger.reserved("7", 100, user_limit=None, stack_limit=None) as reservation:
        clock.now += 1
        reservation.billed = 30
    assert world.spent() == {"2026-10#7": 30, "2026-10#stack": 30}


def test_a_budget_lowered_below_what_is_spent_refuses_all(ledger: Ledger) -> None:
    spend(ledger, amount=90, user_limit=100)
    with pytest.raises(OverBudget):
        spend(ledger, amount=1, user_limit=50)


def test_items_may_be_forgotten_once_nobody_needs_them(ledger: Ledger, clock: Clock, world: World) -> None:
    spend(ledger)
    with ledger.claimed("7", "a" * 64, "c"):
        items = world.clients.dynamodb.scan(TableName=LEDGER)["Items"]
    kept = {item["id"]["S"].split("#")[0]: int(item["forget_at"]["N"]) - clock.now for item in items}
    assert kept["claim"] > LEASE_S
    assert kept["spend"] > 366 * 86_400
