"""Who works on which content, and what was spent: the DynamoDB table that makes paying happen once and budgets hold.

Items, by `id`: `claim#<owner>/<sha256>/<configuration>` (holder, expires_at) and `spend#<YYYY-MM>#<owner or stack>`
(micro_usd). `forget_at` is when DynamoDB may drop them. Every change is one conditional write, so any number of
functions may be at it at once.

botocore sends a write again whose answer was lost. A claim knows its holder, so that changes nothing. An amount may be
added twice: at worst a budget is off by the price of that one photo.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from lambdas.pointers import HoldReason

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)

LEASE_S: Final = 90
"""Longer than the function may run, so that a claim that has run out belongs to nobody who is still at work."""

_CLAIM_KEPT_S: Final = 86_400
_SPEND_KEPT_S: Final = 400 * 86_400
_STACK: Final = "stack"


class OverBudget(Exception):
    """The month's budget has no room for this; nothing was reserved."""

    def __init__(self, reason: HoldReason, month: str) -> None:
        super().__init__(f"the {reason.value} of {month} is spent")
        self.reason = reason
        self.month = month


@dataclass(slots=True)
class Reservation:
    """`amount` was counted as spent before asking; `billed` is set to what was really billed, in micro-dollars."""

    amount: int
    billed: int = 0


class Ledger:
    def __init__(self, dynamodb: DynamoDBClient, table: str, clock: Callable[[], float] = time.time) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock

    @contextmanager
    def claimed(self, owner_id: str, sha256: str, configuration: str) -> Iterator[bool]:
        """Whether this content is now ours to work on; while it is somebody else's, it is not.

        The claim ends with the block. Where the process ends first, it runs out after LEASE_S.
        """
        claim, holder = f"claim#{owner_id}/{sha256}/{configuration}", uuid4().hex
        taken = self._take(claim, holder)
        try:
            yield taken
        finally:
            if taken:
                self._release(claim, holder)

    @contextmanager
    def reserved(
        self, owner_id: str, amount: int, *, user_limit: int | None, stack_limit: int | None
    ) -> Iterator[Reservation]:
        """Count `amount` as spent this month (UTC), then, when the block ends, correct it to what was billed.

        Limits are in micro-dollars; None is no limit. Where the process ends inside the block, or the correction fails,
        all of it stays counted, because it may have been billed. Raises OverBudget.
        """
        month = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m")
        if not amount:
            yield Reservation(0)
            return
        if not self._add(month, owner_id, amount, user_limit):
            raise OverBudget(HoldReason.USER_BUDGET, month)
        if not self._add(month, _STACK, amount, stack_limit):
            self._add(month, owner_id, -amount, None)
            raise OverBudget(HoldReason.STACK_BUDGET, month)
        reservation = Reservation(amount)
        try:
            yield reservation
        finally:
            self._settle(month, owner_id, reservation)

    def _settle(self, month: str, owner_id: str, reservation: Reservation) -> None:
        """Never raises: answers that are paid must not be lost, and paid again, over what is to be given back."""
        difference = reservation.billed - reservation.amount
        try:
            for whose in (owner_id, _STACK) if difference else ():
                self._add(month, whose, difference, None)
        except Exception:
            logger.exception("%d micro-dollars too many stay counted as spent", -difference)

    def _take(self, claim: str, holder: str) -> bool:
        now = int(self._clock())
        return self._happened(
            self._dynamodb.put_item,
            Item={
                "id": {"S": claim},
                "holder": {"S": holder},
                "expires_at": _number(now + LEASE_S),
                "forget_at": _number(now + _CLAIM_KEPT_S),
            },
            # Ours already, where the answer to our first try was lost.
            ConditionExpression="attribute_not_exists(id) OR expires_at < :now OR holder = :holder",
            ExpressionAttributeValues={":now": _number(now), ":holder": {"S": holder}},
        )

    def _release(self, claim: str, holder: str) -> None:
        self._happened(
            self._dynamodb.delete_item,
            Key={"id": {"S": claim}},
            ConditionExpression="holder = :holder",
            ExpressionAttributeValues={":holder": {"S": holder}},
        )

    def _add(self, month: str, whose: str, amount: int, limit: int | None) -> bool:
        """Add to what was spent; False, with nothing added, when that would take it over `limit`."""
        if limit is not None and amount > limit:
            return False
        update: dict[str, Any] = {
            "Key": {"id": {"S": f"spend#{month}#{whose}"}},
            "UpdateExpression": "ADD micro_usd :amount SET forget_at = :forget_at",
            "ExpressionAttributeValues": {
                ":amount": _number(amount),
                ":forget_at": _number(int(self._clock()) + _SPEND_KEPT_S),
            },
        }
        if limit is not None:
            update["ConditionExpression"] = "attribute_not_exists(micro_usd) OR micro_usd <= :room"
            update["ExpressionAttributeValues"][":room"] = _number(limit - amount)
        return self._happened(self._dynamodb.update_item, **update)

    def _happened(self, write: Callable[..., Any], **request: Any) -> bool:
        """Do a conditional write; False when its condition did not hold."""
        try:
            write(TableName=self._table, **request)
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}
