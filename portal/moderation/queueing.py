"""The queue: what comes next for a moderator, and the short leases by which no two get the same image at once.

Nothing is locked: an image is taken by a conditional update, and 0 rows mean that somebody else was faster. A request
that is repeated finds what the first one took.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import CurrentLabel
from portal.moderation.models import ReviewItem
from portal.moderation.models.review import CLASSES

LEASE: Final = timedelta(minutes=2)
SKIPPED: Final = timedelta(days=1)
COUNTED_AT_MOST: Final = 1_000
# Filters that match no more open images than this are answered from those; others on the way through the queue, where
# one in a thousand matches even among a hundred thousand.
_FEW: Final = 100
# Others may be taking the first ones at this moment: so many are found at once, and looked for again so often.
_TRIED: Final = 3
_ROUNDS: Final = 8
# In `mixed`, one of so many comes from the random sample.
_SAMPLED_ONE_IN: Final = 5


class Mode(models.TextChoices):
    """What the queue is in the order of."""

    MIXED = "mixed", "Teaches most"
    UNCERTAIN = "uncertain", "Least certain"
    DISAGREEMENT = "disagreement", "Detectors disagree"
    RARE = "rare", "Rare labels"
    RANDOM = "random", "Random sample"
    FLAGGED = "flagged", "Content flags"
    SUGGESTED = "suggested", "Owners' suggestions"
    NEWEST = "newest", "Newest"


_ORDERS: Final = {
    Mode.MIXED: "-score",
    Mode.UNCERTAIN: "-uncertainty",
    Mode.DISAGREEMENT: "-disagreement",
    Mode.RARE: "-rarity",
    Mode.RANDOM: "sample_order",
    Mode.FLAGGED: "-score",
    Mode.SUGGESTED: "-score",
    Mode.NEWEST: "-created_at",
}
# What is in a mode at all; the others have everything.
_MEMBERS: Final = {
    Mode.UNCERTAIN: Q(uncertainty__gt=0),
    Mode.DISAGREEMENT: Q(disagreement__gt=0),
    Mode.RARE: Q(rarity__gt=0),
    Mode.FLAGGED: Q(flagged=True),
    Mode.SUGGESTED: Q(suggested=True),
}
# An image that people had completed comes again for these: an owner said something since, or another flag was raised.
_EVEN_COMPLETED: Final = (Mode.FLAGGED, Mode.SUGGESTED)
_SEEN: Final = {"all": CLASSES["all"], "flagged_and_suggested": CLASSES["raised"], "shared": CLASSES["shared"]}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a moderator asks for. `label` is a title, `owner` a name; days are whole ones (UTC), inclusive."""

    mode: Mode = Mode.MIXED
    label: str = ""
    detector: str = ""
    owner: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def is_filtered(self) -> bool:
        return bool(self.label or self.detector or self.owner or self.since or self.until)


@dataclass(frozen=True, slots=True)
class Taken:
    """An image that the moderator has now. `mode` says why it came: in `mixed` it may be from the random sample."""

    item: ReviewItem
    mode: Mode
    is_new: bool


def take_next(user: User, wanted: Wanted, holding: Collection[UUID] = ()) -> Taken | None:
    """Lease the next image to `user`: one that they had already, if it is not among those they are `holding`.

    None when nothing is left. A bounded number of queries, however many images there are.
    """
    held = _held(user, wanted, holding)
    if held is not None:
        return held
    if wanted.mode is not Mode.MIXED:
        return _take(user, wanted, holding)
    sampled = secrets.randbelow(_SAMPLED_ONE_IN) == 0
    return _take(user, replace(wanted, mode=Mode.RANDOM) if sampled else wanted, holding)


def renew(user: User, image_id: UUID) -> bool:
    """Lease the image for longer, or again. False when somebody else has it."""
    return bool(_not_of_others(user, image_id).update(leased_by=user, leased_until=timezone.now() + LEASE))


def release(user: User, image_id: UUID) -> bool:
    """Give the image back to the queue. False when somebody else has it."""
    return bool(_not_of_others(user, image_id).update(leased_by=None, leased_until=None))


def skip(user: User, image_id: UUID) -> bool:
    """Put the image off for a day, for everybody. False when somebody else has it."""
    until = timezone.now() + SKIPPED
    return bool(_not_of_others(user, image_id).update(leased_by=None, leased_until=None, skipped_until=until))


def waiting(wanted: Wanted) -> dict[str, int]:
    """How many images wait in each mode within the filters, counted up to 1,000."""
    if wanted.label:
        return _waiting_of_label(wanted)
    counts = {
        mode: _matching(replace(wanted, mode=mode))[:COUNTED_AT_MOST].count() for mode in (Mode.NEWEST, *_MEMBERS)
    }
    return {mode.value: counts.get(mode, counts[Mode.NEWEST]) for mode in Mode}


def _not_of_others(user: User, image_id: UUID) -> QuerySet[ReviewItem]:
    return ReviewItem.objects.filter(_free() | Q(leased_by=user), pk=image_id)


def _free() -> Q:
    return Q(leased_until=None) | Q(leased_until__lte=timezone.now())


# Taking --------------------------------------------------------------------------------------------------------------


def _held(user: User, wanted: Wanted, holding: Collection[UUID]) -> Taken | None:
    """The first of the images that are leased to `user` already, with a lease as long as a new one."""
    leased = _matching(wanted).filter(leased_by=user, leased_until__gt=timezone.now()).exclude(pk__in=holding)
    for item in _sorted(leased, wanted.mode):
        if renew(user, item.pk):
            # Nothing remembers how it came; whose turn in the sample it was stays marked.
            from_sample = wanted.mode is Mode.MIXED and item.sampled_at is not None
            return Taken(item, Mode.RANDOM if from_sample else wanted.mode, is_new=False)
    return None


def _take(user: User, wanted: Wanted, holding: Collection[UUID]) -> Taken | None:
    # A sample of what was filtered says nothing of all.
    samples = wanted.mode is Mode.RANDOM and not wanted.is_filtered
    for _ in range(_ROUNDS):
        items = _first(wanted, holding)
        for item in items:
            if _lease(user, item, wanted.mode, sampled=samples):
                if samples:
                    _pass_over(item)
                return Taken(item, wanted.mode, is_new=True)
        if not items:
            break
    return None


def _lease(user: User, item: ReviewItem, mode: Mode, *, sampled: bool) -> bool:
    """Take the item, unless somebody else has taken, skipped or finished it meanwhile."""
    now = timezone.now()
    changes: dict[str, Any] = {"leased_by": user, "leased_until": now + LEASE}
    if sampled:
        changes["sampled_at"] = Coalesce("sampled_at", now)
    due = Q(skipped_until=None) | Q(skipped_until__lte=now)
    left = _unfinished(mode) & _MEMBERS.get(mode, Q())
    return bool(ReviewItem.objects.filter(_free(), due, left, pk=item.pk).update(**changes))


def _pass_over(item: ReviewItem) -> None:
    """The turn of what was completed before its turn came has come too: without these, the sample would be of the rest.

    As many rows as people have completed since the last time.
    """
    passed = ReviewItem.objects.filter(completed_at__isnull=False, sampled_at=None, sample_order__lt=item.sample_order)
    with transaction.atomic():  # without waiting for those that somebody is changing: their turn comes with the next
        ids = list(passed.select_for_update(skip_locked=True).values_list("pk", flat=True))
        ReviewItem.objects.filter(pk__in=ids).update(sampled_at=timezone.now())


# Finding -------------------------------------------------------------------------------------------------------------


def _first(wanted: Wanted, holding: Collection[UUID]) -> list[ReviewItem]:
    """The first free items in the order of the mode."""
    free = Q(_free(), ~Q(pk__in=holding))
    few = _few(wanted, _matching(wanted).filter(free)) if wanted.is_filtered else None
    if few is not None:
        return few
    return list(_on_the_way(wanted).filter(free).order_by(_ORDERS[wanted.mode], "image_id")[:_TRIED])


def _few(wanted: Wanted, items: QuerySet[ReviewItem]) -> list[ReviewItem] | None:
    """The first of `items` in the order of the mode, if the filters leave few; None if they leave many."""
    ids: list[UUID] = []
    if wanted.label:
        ids = _open_with_label(wanted, _FEW + 1)
    if (not wanted.label or len(ids) > _FEW) and (wanted.owner or wanted.since or wanted.until):
        ids = list(items.order_by().values_list("pk", flat=True)[: _FEW + 1])
    elif not wanted.label:
        return None
    if len(ids) > _FEW:
        return None
    # Not put in order by the database, which might rather go through the whole queue in that order.
    order = _ORDERS[wanted.mode]
    places = [(place, pk) for pk, place in items.filter(pk__in=ids).values_list("pk", order.removeprefix("-"))]
    places = sorted(sorted(places, key=lambda each: each[1].hex), key=lambda each: each[0], reverse=order[0] == "-")
    found = ReviewItem.objects.in_bulk([pk for _, pk in places[:_TRIED]])
    return [found[pk] for _, pk in places[:_TRIED] if pk in found]


def _open_with_label(wanted: Wanted, most: int) -> list[UUID]:
    """Images with the label in which something is left to do; read from the label's index, not through the queue."""
    labels = CurrentLabel.objects.filter(_unfinished(wanted.mode, "image__review__"), **_label(wanted))
    return list(labels.order_by().values_list("image_id", flat=True)[:most])


def _label(wanted: Wanted) -> dict[str, Any]:
    """What `CurrentLabel` an image must have; no image has two that are alike."""
    if not wanted.label:
        return {"detector": wanted.detector, "surest_of_detector": True}
    whose = {"detector": wanted.detector} if wanted.detector else {"surest_of_name": True}
    return {"name": wanted.label.lower(), **whose}


def _matching(wanted: Wanted) -> QuerySet[ReviewItem]:
    """What is open, may be seen, is not put off, and is what was asked for; taken or not, in no order."""
    return _narrowed(_open(wanted), wanted, "owner_id", "created_at")


def _on_the_way(wanted: Wanted) -> QuerySet[ReviewItem]:
    """The same, to be read in the order of the mode from the index for that.

    With the bare columns a database may rather take all images of a person or of a month, and sort them.
    """
    items = _open(wanted).alias(whose=F("owner_id") + 0, moment=Coalesce("created_at", "created_at"))
    return _narrowed(items, wanted, "whose", "created_at" if wanted.mode is Mode.NEWEST else "moment")


def _open(wanted: Wanted) -> QuerySet[ReviewItem]:
    due = Q(skipped_until=None) | Q(skipped_until__lte=timezone.now())
    items = ReviewItem.objects.filter(_SEEN[settings.MODERATION_SEES], _MEMBERS.get(wanted.mode, Q()), due)
    items = items.filter(_unfinished(wanted.mode))
    if wanted.label or wanted.detector:
        items = items.filter(Exists(CurrentLabel.objects.filter(image=OuterRef("pk"), **_label(wanted))))
    return items


def _unfinished(mode: Mode, item: str = "") -> Q:
    """Whether there is anything left to do in a mode with an item, or with that which the lookup `item` leads to."""
    return Q() if mode in _EVEN_COMPLETED else Q(**{f"{item}completed_at": None})


def _narrowed(items: QuerySet[ReviewItem], wanted: Wanted, owner: str, moment: str) -> QuerySet[ReviewItem]:
    """Those of the person and the days that were asked for, by these columns."""
    if wanted.owner:
        items = items.filter(**{f"{owner}__in": User.objects.filter(username=wanted.owner).values("pk")[:1]})
    if wanted.since:
        items = items.filter(**{f"{moment}__gte": _midnight(wanted.since)})
    if wanted.until:
        items = items.filter(**{f"{moment}__lt": _midnight(wanted.until) + timedelta(days=1)})
    return items


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _sorted(items: Iterable[ReviewItem], mode: Mode) -> list[ReviewItem]:
    """In the order of the mode."""
    name = _ORDERS[mode].removeprefix("-")
    by_id = sorted(items, key=lambda item: item.pk.hex)
    return sorted(by_id, key=lambda item: getattr(item, name), reverse=_ORDERS[mode].startswith("-"))


def _waiting_of_label(wanted: Wanted) -> dict[str, int]:
    ids = _open_with_label(replace(wanted, mode=Mode.NEWEST), COUNTED_AT_MOST)
    everything = ~Q(image=None)
    counts = {mode.value: Count("pk", filter=_MEMBERS.get(mode, everything)) for mode in Mode}
    raised = {m.value: _matching(replace(wanted, mode=m))[:COUNTED_AT_MOST].count() for m in _EVEN_COMPLETED}
    return {**_matching(replace(wanted, mode=Mode.NEWEST)).filter(pk__in=ids).aggregate(**counts), **raised}
