"""The numbers on the administration's first page: few, true at this moment, each with the list behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from portal.images.admin.filters import words
from portal.images.detecting import missing
from portal.images.models import Image, Status, StorageDeletion, WorkerHeartbeat
from portal.images.workers import HEARTBEAT_GRACE

RECENT = timedelta(hours=24)


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
    workers_alive: int
    missing_detectors: list[str]
    erasures: Number
    erasures_failing: int


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The theme's callback: adds `overview` for those who may see images."""
    if request.user.has_perm("images.view_image"):
        context["overview"] = overview()
    return context


def overview() -> Overview:
    now = timezone.now()
    queued = Image.objects.filter(status=Status.QUEUED)
    return Overview(
        statuses=_statuses(),
        failures=_failures(now - RECENT),
        waiting_since=queued.aggregate(oldest=Min("queued_at"))["oldest"],
        workers_alive=WorkerHeartbeat.objects.filter(beat_at__gte=now - HEARTBEAT_GRACE).count(),
        missing_detectors=missing(),
        erasures=Number(
            "Files to erase", StorageDeletion.objects.count(), reverse("admin:images_storagedeletion_changelist")
        ),
        erasures_failing=StorageDeletion.objects.filter(last_error__gt="").count(),
    )


def _statuses() -> list[Number]:
    counts = dict(Image.objects.order_by().values_list("status").annotate(images=Count("pk")))
    images = reverse("admin:images_image_changelist")
    return [Number(status.label, counts.get(status, 0), f"{images}?status__exact={status}") for status in Status]


def _failures(since: datetime) -> list[Number]:
    failed = Image.objects.filter(status=Status.FAILED, queued_at__gte=since).order_by()
    counts = failed.values_list("failure_code").annotate(images=Count("pk")).order_by("-images", "failure_code")
    images = reverse("admin:images_image_changelist")
    return [Number(words(code), count, f"{images}?status__exact=failed&failure={code}") for code, count in counts]
