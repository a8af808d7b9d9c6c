"""Images that wait for money: marking them, and letting them go on when there is some again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import inf
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from portal.images.models import Budget, Hold, Image, Status
from portal.images.queueing import send_queued
from portal.images.spending import Purse, cost_of_one, next_month, purses, this_month

# So many go on in one go: their events are sent within the request of whoever raised the budget.
RELEASED_AT_ONCE = 1_000
# For so long may a budget that was changed still be unknown to what recognises.
_BUDGETS_KNOWN_AFTER = timedelta(seconds=10)
# For so long its word is taken that a budget is spent, even where the portal knows of less: after the database was
# restored, held images would go to and fro with every sweep.
_BELIEVED = timedelta(hours=1)

_HELD = Q(status=Status.QUEUED, hold__gt=Hold.NONE)


def hold(image_id: UUID, reason: Hold, month: date, held_at: datetime) -> bool:
    """Mark an image that was held back at `held_at` because a budget of `month` is spent.

    Marking it again changes nothing; False when it does not wait any more. Where the reason has passed meanwhile, the
    image goes on at once.
    """
    # The file's arrival may be heard of from here first.
    Image.objects.filter(pk=image_id, status=Status.AWAITING_UPLOAD).update(
        status=Status.QUEUED, queued_at=held_at, not_before=None
    )
    waiting = Image.objects.filter(pk=image_id, status=Status.QUEUED)
    held = waiting.update(hold=reason, not_before=_believed_until(held_at, month))
    changed_since = Budget.objects.filter(changed_at__gt=held_at - _BUDGETS_KNOWN_AFTER)
    if held and (month < this_month() or changed_since.exists()):
        release_held(budgets_changed=True)
    return bool(held)


def _believed_until(held_at: datetime, month: date) -> datetime:
    month_ends = datetime.combine(next_month(month), time.min, UTC)
    return min(held_at + _BELIEVED, month_ends)


def release_held(most: int = RELEASED_AT_ONCE, *, budgets_changed: bool = False) -> int:
    """Let held images go on, the oldest first, as far as the budgets have room for them. Returns how many.

    Those that stay are marked with the budget that they wait for now. Unless the budgets have changed, those stay that
    were held back within the last hour by what recognises. Safe to run from several processes at once.
    """
    ready = Q() if budgets_changed else Q(not_before__isnull=True) | Q(not_before__lte=timezone.now())
    if not Image.objects.filter(_HELD, ready).exists():
        return 0
    with transaction.atomic():
        held = Image.objects.filter(_HELD, ready).order_by("queued_at", "pk")
        room = _Room.now(set(held.order_by().values_list("owner_id", flat=True).distinct()))
        going = _those_with_room(held, room, most)
        images = list(held.select_for_update().filter(pk__in=going))
        now = timezone.now()
        # One after another, so that they keep their order in the queue.
        for place, image in enumerate(images):
            image.hold, image.not_before = Hold.NONE, None
            image.queued_at = now + timedelta(microseconds=place)
        Image.objects.bulk_update(images, ["hold", "not_before", "queued_at"], batch_size=200)
        _say_why(room)
        send_queued(images)
    return len(images)


@dataclass
class _Room:
    """For how many more recognitions there is money, of each person and under None of everybody."""

    left: dict[int | None, float]

    @classmethod
    def now(cls, owner_ids: set[int]) -> _Room:
        cost = cost_of_one()
        # What is in the queue already will be paid before what is held.
        rows = Image.objects.filter(status=Status.QUEUED, hold=Hold.NONE).order_by()
        queued: Counter[int | None] = Counter(dict(rows.values_list("owner_id").annotate(Count("pk"))))
        queued[None] = queued.total()
        found = purses(owner_ids)
        return cls({owner_id: _recognitions(each, cost) - queued[owner_id] for owner_id, each in found.items()})

    @property
    def is_left(self) -> bool:
        return self.left[None] >= 1

    def without(self) -> set[int]:
        """The people whose own budget is spent."""
        return {owner_id for owner_id, left in self.left.items() if owner_id is not None and left < 1}

    def take(self, owner_id: int) -> bool:
        """Take the money for one recognition of a person's, if there is any; of a newcomer nothing is known yet."""
        if not self.is_left or self.left.get(owner_id, 0) < 1:
            return False
        self.left[owner_id] -= 1
        self.left[None] -= 1
        return True


def _recognitions(purse: Purse, cost: int) -> float:
    return inf if not cost or purse.left is None else purse.left // cost


def _those_with_room(held: QuerySet[Image], room: _Room, most: int) -> list[UUID]:
    """The ids that may go on, in their order."""
    going: list[UUID] = []
    for image_id, owner_id in held.exclude(owner__in=room.without()).values_list("pk", "owner_id").iterator():
        if len(going) == most or not room.is_left:
            break
        if room.take(owner_id):
            going.append(image_id)
    return going


def _say_why(room: _Room) -> None:
    """Bring up to date what those wait for that are still held."""
    held, theirs = Image.objects.filter(_HELD), Q(owner__in=room.without())
    held.filter(theirs).exclude(hold=Hold.USER_BUDGET).update(hold=Hold.USER_BUDGET)
    if not room.is_left:
        held.exclude(theirs).exclude(hold=Hold.STACK_BUDGET).update(hold=Hold.STACK_BUDGET)
