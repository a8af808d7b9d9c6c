"""The page that tells how right detectors are and how moderation gets on, and the same as CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.csv_lines import csv_lines
from portal.images.charts import CHART_HEIGHT, CHART_WIDTH, Bar, daily_bars
from portal.moderation.quality.activity import Moderator, backlog, each_day, moderators, suggestions_waiting
from portal.moderation.quality.estimates import Estimates, Precision, estimate
from portal.moderation.quality.whiskers import WIDTH, whisker

CSV_COLUMNS: Final = (
    "what",
    "name",
    "detector",
    "version",
    "count",
    "of",
    "percent",
    "low_percent",
    "high_percent",
    "hours",
    "per_hour",
)
_ROWS: Final = 100
_CHARTED_DAYS: Final = 90
# A sample of which more is missing may well be of the easy images.
_WELL_REVIEWED: Final = 0.9


@dataclass(frozen=True, slots=True)
class Period:
    """From the first moment of a day on until now; without `days` everything."""

    key: str
    title: str
    days: int | None

    @property
    def first_day(self) -> date:
        """Of the chart, which does not go back for ever."""
        return timezone.localdate() - timedelta(days=(self.days or _CHARTED_DAYS) - 1)

    @property
    def since(self) -> datetime | None:
        return timezone.make_aware(datetime.combine(self.first_day, time.min)) if self.days else None


PERIODS: Final = (
    Period("30", "30 days", 30),
    Period("90", "90 days", 90),
    Period("all", "All", None),
)


@require_safe
def quality(request: HttpRequest) -> HttpResponse:
    period = _period(request)
    waiting = backlog()
    context = {
        **admin.site.each_context(request),
        "title": "Quality",
        "period": period,
        "periods": PERIODS,
        "sees": settings.MODERATION_SEES,
        "shown_from": settings.SHOWN_CONFIDENCE,
        "backlog": waiting,
        "disagreement_percent": 100 * waiting.disagreement,
        "suggestions": suggestions_waiting(),
        **_measured(estimate(period.since)),
        **_activity(period),
    }
    return render(request, "admin/moderation/quality.html", context)


@require_safe
def quality_csv(request: HttpRequest) -> StreamingHttpResponse:
    period = _period(request)
    response = StreamingHttpResponse(csv_lines(CSV_COLUMNS, _rows(period)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="imagesift-quality-{period.key}.csv"'
    return response


def _period(request: HttpRequest) -> Period:
    """The one that is asked for, else the shortest."""
    return next((period for period in PERIODS if period.key == request.GET.get("period")), PERIODS[0])


def _measured(found: Estimates) -> dict[str, Any]:
    return {
        "sample": found.sample,
        "left": found.sample.drawn - found.sample.reviewed,
        "is_partial": found.sample.drawn > 0 and found.sample.share < _WELL_REVIEWED,
        "labels": [whisker(precision) for precision in found.labels[:_ROWS]],
        "labels_left": max(len(found.labels) - _ROWS, 0),
        "detectors": [whisker(precision) for precision in found.detectors],
        "missed": found.missed[:_ROWS],
        "whisker_width": WIDTH,
    }


def _activity(period: Period) -> dict[str, Any]:
    people = moderators(period.since)
    together: Counter[date] = Counter()
    for person in people:
        together.update(person.days)
    return {
        "decisions": sum(person.decisions for person in people),
        "chart": {"width": CHART_WIDTH, "height": CHART_HEIGHT},
        "bars": _bars(period, together),
        "moderators": [(person, _bars(period, person.days)) for person in people[:_ROWS]],
        "charted_days": period.days or _CHARTED_DAYS,
    }


def _bars(period: Period, days: Mapping[date, int]) -> list[Bar]:
    return daily_bars(each_day(period.first_day, timezone.localdate(), days))


def _rows(period: Period) -> Iterator[tuple[object, ...]]:
    """Everything that the page shows, and the rows it leaves out; `count` of `of` make the percentage."""
    found = estimate(period.since)
    for precision in found.detectors:
        yield _precision_row("precision of a detector", precision.detector, precision)
    for precision in found.labels:
        yield _precision_row("precision of a label", precision.label, precision)
    for missed in found.missed:
        yield ("added by people", missed.label, "", "", missed.images, found.sample.reviewed, "", "", "", "", "")
    for person in moderators(period.since):
        yield _moderator_row(person)


def _precision_row(what: str, name: str, precision: Precision) -> tuple[object, ...]:
    shares = (precision.share, precision.interval.low, precision.interval.high)
    percents = (f"{100 * share:.2f}" for share in shares)
    return (what, name, precision.detector, precision.version, precision.right, precision.of, *percents, "", "")


def _moderator_row(person: Moderator) -> tuple[object, ...]:
    pace = f"{person.an_hour:.1f}"
    return ("decisions of a moderator", person.name, "", "", person.decisions, "", "", "", "", person.hours, pace)
