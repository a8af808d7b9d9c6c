"""What waits for moderators, and how they get on with it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Q
from django.db.models.functions import TruncHour
from django.utils import timezone

from portal.moderation.models import AuditEntry, ReviewItem, Suggestion, Verb

# What a person made up their mind on. Looks, undoing and exports are no decisions, and the vocabulary is not an image.
DECISIONS = (
    Verb.APPROVED,
    Verb.REJECTED,
    Verb.RELABELLED,
    Verb.REDRAWN,
    Verb.ADDED,
    Verb.COMPLETED,
    Verb.FLAG_DECIDED,
)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What nobody has decided on. `contradicting`: images of which detectors say different things."""

    images: int
    flagged: int
    suggested: int
    contradicting: int

    @property
    def disagreement(self) -> float:
        """The share of images of which detectors say different things, 0 to 1."""
        return self.contradicting / self.images if self.images else 0.0


@dataclass(frozen=True, slots=True)
class Moderator:
    """Somebody's decisions. `hours`: in how many hours of the clock they took any."""

    name: str
    decisions: int
    hours: int
    days: Mapping[date, int]

    @property
    def an_hour(self) -> float:
        return self.decisions / self.hours


def backlog() -> Backlog:
    counts = ReviewItem.objects.filter(completed_at=None).aggregate(
        images=Count("pk"),
        flagged=Count("pk", filter=Q(flagged=True)),
        suggested=Count("pk", filter=Q(suggested=True)),
        contradicting=Count("pk", filter=Q(disagreement__gt=0)),
    )
    return Backlog(**counts)


def decided_since(since: datetime) -> int:
    return AuditEntry.objects.filter(at__gte=since, verb__in=DECISIONS, undone_by=None).count()


def suggestions_waiting() -> int:
    return Suggestion.objects.filter(settled_at=None).count()


def moderators(since: datetime | None = None) -> list[Moderator]:
    """Who decided how much since `since`, the busiest first. What was undone does not count."""
    deeds = AuditEntry.objects.filter(verb__in=DECISIONS, undone_by=None)
    if since is not None:
        deeds = deeds.filter(at__gte=since)
    hours = deeds.order_by().annotate(hour=TruncHour("at")).values_list("actor_id", "actor_name", "hour")
    by_hour: dict[tuple[int | None, str], Counter[datetime]] = defaultdict(Counter)
    for actor, name, hour, count in hours.annotate(count=Count("pk")):
        by_hour[actor, name][hour] += count
    found = [_moderator(name, counts) for (_, name), counts in by_hour.items()]
    return sorted(found, key=lambda moderator: (-moderator.decisions, moderator.name))


def _moderator(name: str, by_hour: Counter[datetime]) -> Moderator:
    days: Counter[date] = Counter()
    for hour, count in by_hour.items():
        days[timezone.localdate(hour)] += count
    return Moderator(name, by_hour.total(), len(by_hour), days)


def each_day(first: date, last: date, days: Mapping[date, int]) -> list[tuple[date, int]]:
    """Every day from `first` to `last` with its count, for a chart."""
    return [
        (day, days.get(day, 0)) for day in (first + timedelta(days=step) for step in range((last - first).days + 1))
    ]
