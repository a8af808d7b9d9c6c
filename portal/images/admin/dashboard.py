"""The numbers on the administration's first page: few, true at this moment, each with the list behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Min
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from portal.images.admin.filters import words
from portal.images.detecting import missing
from portal.images.models import Hold, Image, Status, StorageDeletion, WorkerHeartbeat
from portal.images.spending import Purse, Spender, prices, purse, spenders, this_month
from portal.images.workers import HEARTBEAT_GRACE, by_lambda
from portal.moderation.access import REVIEW
from portal.moderation.quality.activity import backlog, decided_since, suggestions_waiting

RECENT = timedelta(hours=24)
SPENDERS = 5


@dataclass(frozen=True)
class Number:
    name: str
    count: int
    address: str


@dataclass(frozen=True)
class Overview:
    statuses: list[Number]
    failures: list[Number]
    waiting_since: datetime | None
    workers_alive: int | None
    missing_detectors: list[str]
    erasures: Number
    erasures_failing: int


@dataclass(frozen=True)
class MoneyOverview:
    """This month's money of everybody together, and who spent the most of it."""

    month: date
    purse: Purse
    spenders: list[Spender]
    held: Number


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The theme's callback: adds `overview`, `money` and `moderation`, each for those who may see what it counts."""
    if request.user.has_perm("images.view_image"):
        context["overview"] = overview()
    if request.user.has_perm("images.view_monthlyspend"):
        seen = money()
        context["money"] = seen if prices() or seen.purse.spent or seen.held.count else None
    if request.user.has_perm(REVIEW):
        context["moderation"] = moderation()
    return context


def overview() -> Overview:
    now = timezone.now()
    queued = Image.objects.filter(status=Status.QUEUED)
    return Overview(
        statuses=_statuses(),
        failures=_failures(now - RECENT),
        waiting_since=queued.aggregate(oldest=Min("queued_at"))["oldest"],
        workers_alive=None if by_lambda() else _workers_alive(now),
        missing_detectors=missing(),
        erasures=Number(
            "Files to erase", StorageDeletion.objects.count(), reverse("admin:images_storagedeletion_changelist")
        ),
        erasures_failing=StorageDeletion.objects.filter(last_error__gt="").count(),
    )


def money() -> MoneyOverview:
    held = Image.objects.filter(status=Status.QUEUED, hold__gt=Hold.NONE).count()
    waiting = f"{reverse('admin:images_image_changelist')}?status__exact={Status.QUEUED}"
    month = this_month()
    return MoneyOverview(month, purse(None), spenders(month, SPENDERS), Number("Waiting for money", held, waiting))


def moderation() -> list[Number]:
    """What waits for moderators, and what they all did since midnight."""
    waiting, queue = backlog(), reverse("moderation:review")
    suggestions = f"{reverse('admin:moderation_suggestion_changelist')}?settled_at__isempty=1"
    today = f"{reverse('admin:moderation_auditentry_changelist')}?at_from={timezone.localdate()}"
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return [
        Number("Images nobody has completed", waiting.images, queue),
        Number("Content flags to decide on", waiting.flagged, f"{queue}?mode=flagged"),
        Number("Suggestions of owners", suggestions_waiting(), suggestions),
        Number("Decisions today", decided_since(midnight), today),
    ]


def _workers_alive(now: datetime) -> int:
    return WorkerHeartbeat.objects.filter(beat_at__gte=now - HEARTBEAT_GRACE).count()


def _statuses() -> list[Number]:
    counts = dict(Image.objects.order_by().values_list("status").annotate(images=Count("pk")))
    images = reverse("admin:images_image_changelist")
    return [Number(status.label, counts.get(status, 0), f"{images}?status__exact={status}") for status in Status]


def _failures(since: datetime) -> list[Number]:
    failed = Image.objects.filter(status=Status.FAILED, queued_at__gte=since).order_by()
    counts = failed.values_list("failure_code").annotate(images=Count("pk")).order_by("-images", "failure_code")
    images = reverse("admin:images_image_changelist")
    return [Number(words(code), count, f"{images}?status__exact=failed&failure={code}") for code, count in counts]
