"""The history, its live updates, and how much of the allowances is used."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_safe

from portal.accounts.models import User
from portal.accounts.person import person
from portal.images import quotas
from portal.images.cards import Card, cards
from portal.images.charts import CHART_HEIGHT, CHART_WIDTH, Bar, daily_bars
from portal.images.counting import detector_names, label_counts
from portal.images.history import (
    SHOWN_STATUSES,
    Cursor,
    Filters,
    Page,
    bounded_count,
    matching,
    own_images,
    page_after,
)
from portal.images.label_rows import detector_title
from portal.images.models import DailyUploads, Status
from portal.images.spending import month_of_money
from portal.images.workers import any_alive, by_lambda
from portal.moderation.sharing import is_up_to_owners
from portal.moderation.truth import PEOPLE

_UPDATES_AT_ONCE = 100
# What waits for money waits for days: a database that sleeps when nobody asks would not get to.
_HELD_AGAIN_SECONDS = 1800
_LABELS_OFFERED = 1_000
_USAGE_DAYS = 30
# The share of an allowance from which on its meter warns.
_NEARLY = 0.8


@login_required
@require_safe
@cache_control(private=True, no_cache=True)
def history(request: HttpRequest) -> HttpResponse:
    """The person's images. `part=cards` answers the next page's cards alone, `part=options` what can be filtered by."""
    owner = person(request)
    filters = Filters.parse(request.GET)
    part = request.GET.get("part")
    if part == "options":
        return _options(owner, filters)
    cursor, problems = _cursor(request.GET.get("after", ""))
    found = matching(owner, filters)
    page = page_after(found, cursor)
    context = _page_context(page, filters, cursor)
    if part == "cards":
        return render(request, "images/_page.html", context)
    response = render(
        request,
        "images/history.html",
        {
            **context,
            **_filter_context(filters),
            "problems": [*filters.problems, *problems],
            "count": bounded_count(found),
            "has_images": bool(page.images) or own_images(owner).exists(),
            "is_first_page": cursor is None,
            "as_of": timezone.now().isoformat(),
            "sharing_is_up_to_owner": is_up_to_owners(),
        },
    )
    response["HX-Replace-Url"] = history_address(filters)
    return response


def _cursor(text: str) -> tuple[Cursor | None, list[str]]:
    if not text:
        return None, []
    try:
        return Cursor.parse(text), []
    except ValueError:
        return None, ["The address of this page is damaged, so here are the newest images."]


def _page_context(page: Page, filters: Filters, cursor: Cursor | None) -> dict[str, Any]:
    shown = cards(page.images, filters.confidence)
    older = filters.query_string(after=str(page.next)) if page.next else ""
    return {"days": _by_day(shown, cursor.created_at if cursor else None), "older": older, "filters": filters}


def _by_day(shown: list[Card], previous: datetime | None) -> list[tuple[str, list[Card]]]:
    """The cards under the headings of their days; no heading where the page before ended in the same day."""
    today = timezone.localdate()
    last_day = timezone.localdate(previous) if previous else None
    days: list[tuple[str, list[Card]]] = []
    for card in shown:
        day = timezone.localdate(card.image.created_at)
        if day != last_day:
            days.append((_day_title(day, today), [card]))
        elif days:
            days[-1][1].append(card)
        else:
            days.append(("", [card]))
        last_day = day
    return days


def _day_title(day: date, today: date) -> str:
    if day == today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    return date_format(day, "l j F" if day.year == today.year else "l j F Y")


def _filter_context(filters: Filters) -> dict[str, Any]:
    return {
        "filters": filters,
        "chips": _chips(filters),
        "statuses": [(status.value, status.label) for status in SHOWN_STATUSES],
        "detectors": _detector_choices(dict.fromkeys([*settings.DETECTORS, PEOPLE, filters.detector])),
        "panel_open": bool(filters.labels or filters.since or filters.until or filters.status or filters.detector),
    }


def _detector_choices(names: dict[str, None]) -> list[tuple[str, str]]:
    return [(name, detector_title(name)) for name in names if name]


def _chips(filters: Filters) -> list[tuple[str, str]]:
    """Each active filter in words, with the address that has it no more."""
    chips = [(f"“{filters.q}”", filters.without("q"))] if filters.q else []
    chips += [(label, filters.without("labels", label)) for label in filters.labels]
    if filters.since:
        chips.append((f"From {date_format(filters.since, 'j F Y')}", filters.without("since")))
    if filters.until:
        chips.append((f"Until {date_format(filters.until, 'j F Y')}", filters.without("until")))
    if filters.status:
        chips.append((str(Status(filters.status).label), filters.without("status")))
    if filters.detector:
        chips.append((detector_title(filters.detector), filters.without("detector")))
    if filters.confidence != Filters().confidence:
        chips.append((f"At least {filters.confidence:g} % sure", filters.without("confidence")))
    return [(text, history_address(less)) for text, less in chips]


def history_address(filters: Filters) -> str:
    query = filters.query_string()
    return f"{reverse('images:history')}{'?' if query else ''}{query}"


def _options(owner: User, filters: Filters) -> JsonResponse:
    counts = label_counts(owner, filters.confidence)[:_LABELS_OFFERED]
    names = detector_names(owner, filters.confidence)
    return JsonResponse(
        {
            "labels": [{"name": count.name, "images": count.images} for count in counts],
            "detectors": [{"name": name, "title": detector_title(name)} for name in names],
        }
    )


@login_required
@require_safe
@never_cache
def updates(request: HttpRequest) -> HttpResponse:
    """How the images `ids` (comma-separated, at most 100) are now; those that are not the person's are left out.

    Answers cards that htmx swaps in by their ids, or with `format=json` an object with a list of their states
    and whether a worker is there to change them. Where asking costs money, `held_again_seconds` says when to ask again
    while all of them wait for some.
    """
    ids = [part for part in request.GET.get("ids", "").split(",") if part]
    if len(ids) > _UPDATES_AT_ONCE:
        message = f"Ask for at most {_UPDATES_AT_ONCE} images at once."
        return JsonResponse({"error": {"code": "too_many", "message": message}}, status=400)
    # A page that waits for its file asks here too, so all states count.
    images = list(person(request).images.filter(pk__in=valid_ids(ids)))
    shown = cards(images, Filters.parse(request.GET).confidence)
    if request.GET.get("format") == "json":
        return JsonResponse(
            {
                "images": [card.as_json() for card in shown],
                "worker_alive": any_alive(),
                "held_again_seconds": _HELD_AGAIN_SECONDS if by_lambda() else None,
            }
        )
    return render(request, "images/_changes.html", {"cards": shown})


def valid_ids(texts: list[str]) -> list[UUID]:
    """The texts that are ids; anything else cannot be the id of an image, and is left out like a stranger's."""
    ids = []
    for text in texts:
        try:
            ids.append(UUID(text))
        except ValueError:
            continue
    return ids


@login_required
@require_safe
def usage(request: HttpRequest) -> HttpResponse:
    """Today's and the storage allowance, the month's money, the last 30 days, and in what states the images are."""
    owner = person(request)
    today = timezone.now().date()
    rows = owner.images.order_by().values_list("status").annotate(Count("pk"))
    counts = {Status(status): count for status, count in rows}
    used = quotas.usage(owner)
    bars = _uploads_by_day(owner, today)
    context = {
        "usage": used,
        "nearly": {"images": _NEARLY * used.images_per_day, "bytes": _NEARLY * used.bytes_per_user},
        "bars": bars,
        "chart": {"width": CHART_WIDTH, "height": CHART_HEIGHT},
        "uploaded": sum(bar.count for bar in bars),
        "most": max(bar.count for bar in bars),
        "counts": [(status.label, counts[status]) for status in Status if status in counts],
        "renews_at": datetime.combine(today + timedelta(days=1), time.min, tzinfo=UTC),
        "money": month_of_money(owner),
    }
    return render(request, "images/usage.html", context)


def _uploads_by_day(owner: User, today: date) -> list[Bar]:
    first = today - timedelta(days=_USAGE_DAYS - 1)
    counts = dict(DailyUploads.objects.filter(owner=owner, day__gte=first).values_list("day", "images"))
    return daily_bars([(day, counts.get(day, 0)) for day in (first + timedelta(days=n) for n in range(_USAGE_DAYS))])
