"""What recognition costs: what was spent in a month, what may be, and the prices behind both.

Amounts are whole micro-dollars (millionths of a US dollar) and months are UTC's, named by their first day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, Sum
from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import Budget, Hold, Image, MonthlySpend, Status
from recognition.prices import IMAGE_PROPERTIES, MICRO_USD
from recognition.result import Result

# What is billed, by the feature that is switched on: its title, and its name in the price table.
_FEATURES = {
    "labels": ("Labels and boxes", "rekognition"),
    "properties": ("Colours and sharpness", IMAGE_PROPERTIES),
    "moderation": ("Content flags", "rekognition-moderation"),
    "text": ("Text", "rekognition-text"),
}


def month_of(moment: datetime) -> date:
    """The month (UTC) in which `moment` lies."""
    return moment.astimezone(UTC).date().replace(day=1)


def this_month() -> date:
    return month_of(timezone.now())


def next_month(month: date) -> date:
    """The first day of the month after `month`."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


@dataclass(frozen=True, slots=True)
class Price:
    """What one photo costs for one thing that it is looked at for."""

    title: str
    micro_usd: int


def prices() -> list[Price]:
    """What a photo costs here, by what is switched on; empty where recognition costs nothing."""
    table = settings.RECOGNITION_PRICES.micro_usd
    named: list[tuple[str, str]] = []
    if "rekognition" in settings.DETECTORS:
        named = [_FEATURES[feature] for feature in _FEATURES if feature in settings.REKOGNITION_FEATURES]
    if "sagemaker" in settings.DETECTORS:
        named.append(("The portal’s own model", "sagemaker"))
    return [Price(title, table[name]) for title, name in named if table.get(name)]


def cost_of_one() -> int:
    """What recognising a photo costs when nothing of it was paid before; 0 where recognition costs nothing."""
    return sum(price.micro_usd for price in prices())


# What was spent -------------------------------------------------------------------------------------------------------


def spent(owner: User | None, month: date) -> int:
    """What was paid in `month` for a person's recognitions, or with None for everybody's."""
    row = MonthlySpend.objects.filter(owner=owner, month=month).first()
    return row.micro_usd if row else 0


def record_spend(owner_id: int | None, cost: int, moment: datetime) -> None:
    """Add what one recognition of a person's image cost at `moment`; None when the person is gone.

    Call it in the transaction that makes sure that it is called once. It locks the month's row until that ends, which
    is one for everybody: do it last.
    """
    if not cost:
        return
    month = month_of(moment)
    # A person's row before everybody's, everywhere: nobody waits for somebody who waits for them.
    for owner in [None] if owner_id is None else [owner_id, None]:
        row = MonthlySpend.objects.filter(owner=owner, month=month)
        added = {"micro_usd": F("micro_usd") + cost, "recognitions": F("recognitions") + 1}
        if not row.update(**added):
            MonthlySpend.objects.bulk_create([MonthlySpend(owner_id=owner, month=month)], ignore_conflicts=True)
            row.update(**added)


def record_lost_spend(owner_id: int, result: Result) -> None:
    """Add what a result cost that nobody will see. Call it as `record_spend`; the person may be gone as well."""
    owner = User.objects.filter(pk=owner_id).values_list("pk", flat=True).first()
    record_spend(owner, result.cost_micro_usd, result.recognized_at)


def lock_spending(month: date) -> None:
    """Serialise reservations: the month's row for everybody, locked until the transaction ends."""
    MonthlySpend.objects.bulk_create([MonthlySpend(owner=None, month=month)], ignore_conflicts=True)
    MonthlySpend.objects.select_for_update().get(owner=None, month=month)


# What may be spent ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Purse:
    """A month's money of a person, or of everybody together. `limit` None is no limit.

    `promised` is what the attempts under way on this machine may cost.
    """

    limit: int | None
    spent: int
    promised: int = 0

    @property
    def left(self) -> int | None:
        """What is not spent or promised yet, at least 0; None without a limit."""
        return None if self.limit is None else max(0, self.limit - self.spent - self.promised)

    def affords(self, cost: int) -> bool:
        return not cost or self.left is None or cost <= self.left


def purse(owner: User | None) -> Purse:
    """The money of this month of a person, or with None of everybody together."""
    owner_id = owner.pk if owner else None
    return purses([owner_id])[owner_id]


def purses(owner_ids: Iterable[int | None]) -> dict[int | None, Purse]:
    """`purse` by id, for many people in three queries. Everybody's is always among them, under None."""
    ids = {*owner_ids, None}
    rows = MonthlySpend.objects.filter(Q(owner__in=ids - {None}) | Q(owner=None), month=this_month())
    paid: dict[int | None, int] = dict(rows.values_list("owner_id", "micro_usd"))
    under_way = Image.objects.filter(status=Status.PROCESSING, reserved_micro_usd__gt=0).order_by()
    promised: Counter[int | None] = Counter(dict(under_way.values_list("owner_id").annotate(Sum("reserved_micro_usd"))))
    promised[None] = promised.total()
    limits = limits_of(ids)
    return {owner_id: Purse(limits[owner_id], paid.get(owner_id, 0), promised[owner_id]) for owner_id in ids}


def limits_of(owner_ids: Iterable[int | None]) -> dict[int | None, int | None]:
    """What may be spent in a month by each person, and under None by everybody. A budget's row beats the settings."""
    ids = set(owner_ids)
    rows = Budget.objects.filter(Q(owner__in=ids - {None}) | Q(owner=None))
    amounts: dict[int | None, Decimal | None] = dict(rows.values_list("owner_id", "monthly_usd"))
    return {owner_id: in_micro_usd(amounts.get(owner_id, _default(owner_id))) for owner_id in ids}


def held_by(owner: User, cost: int) -> Hold:
    """What keeps a recognition of `owner`'s from being paid now; Hold.NONE when there is money for it."""
    if not cost:
        return Hold.NONE
    both = purses([owner.pk])
    if not both[owner.pk].affords(cost):
        return Hold.USER_BUDGET
    return Hold.NONE if both[None].affords(cost) else Hold.STACK_BUDGET


@transaction.atomic
def reserve(image: Image, claim: UUID, cost: int) -> bool:
    """Set `cost` aside for the attempt that holds `image` under `claim`; without money for it, hold the image back.

    False when it is held back: then nothing may be paid. What is set aside is free again as soon as the image is no
    longer being recognised, for whatever reason.
    """
    if not cost:
        return True
    lock_spending(this_month())
    reason = held_by(image.owner, cost)
    if reason:
        image.hold_back(claim, reason)
        return False
    Image.objects.filter(pk=image.pk, claim=claim).update(reserved_micro_usd=cost)
    return True


def _default(owner_id: int | None) -> Decimal | None:
    amount: Decimal | None = settings.MONTHLY_BUDGET_USD if owner_id is None else settings.MONTHLY_BUDGET_PER_USER_USD
    return amount


def in_micro_usd(amount: Decimal | None) -> int | None:
    return None if amount is None else int(amount * MICRO_USD)


@dataclass(frozen=True, slots=True)
class Money:
    """What a person's usage page says of this month's money. `held` counts their images that wait for some."""

    month: date
    renews_on: date
    purse: Purse
    recognitions: int
    prices: list[Price]
    priced_on: date
    held: int

    @property
    def per_photo(self) -> int:
        return sum(price.micro_usd for price in self.prices)

    @property
    def nearly(self) -> int:
        """From here on the meter warns."""
        return 8 * (self.purse.limit or 0) // 10


def month_of_money(owner: User) -> Money | None:
    """This month's money of a person; None where recognition costs nothing and never did this month."""
    month, found = this_month(), prices()
    row = MonthlySpend.objects.filter(owner=owner, month=month).first()
    if not found and row is None:
        return None
    return Money(
        month=month,
        renews_on=next_month(month),
        purse=purse(owner),
        recognitions=row.recognitions if row else 0,
        prices=found,
        priced_on=settings.RECOGNITION_PRICES.as_of,
        held=owner.images.filter(status=Status.QUEUED, hold__gt=Hold.NONE).count(),
    )


@dataclass(frozen=True, slots=True)
class Spender:
    """Somebody with what they spent in a month, for how many recognitions."""

    owner: User
    micro_usd: int
    recognitions: int


def spenders(month: date, most: int) -> list[Spender]:
    """Those who spent the most in `month`, at most so many."""
    rows = MonthlySpend.objects.filter(month=month, owner__isnull=False, micro_usd__gt=0)
    ordered = rows.select_related("owner").order_by("-micro_usd", "owner__username")[:most]
    return [Spender(row.owner, row.micro_usd, row.recognitions) for row in ordered if row.owner]
