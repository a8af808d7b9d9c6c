"""What people do to their images: recognise again, delete, export; one image or many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from portal.accounts.person import person
from portal.images.cards import cards
from portal.images.deletion import delete_images
from portal.images.exporting import csv_stream, json_stream
from portal.images.exports import TooLarge, store_list
from portal.images.history import Filters, bounded_count, matching, own_images
from portal.images.models import FlagVerdict, Image
from portal.images.queueing import recognize_again, recognize_all_again
from portal.images.views.browse import history_address, valid_ids
from portal.images.workers import by_lambda
from portal.moderation.sharing import is_up_to_owners, share

_CHOSEN_AT_MOST = 5_000
_RECOGNIZED_AT_ONCE = 1_000
# More changes than this are quicker shown by loading the page again.
_SWAPPED_AT_MOST = 200

_NO_SUCH_ACTION = "There is no such action."


@login_required
@require_POST
def recognize(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """Have one image recognised again. From a card of the history (`card`) the changed card comes back."""
    image = get_object_or_404(Image, pk=image_id, owner=person(request))
    if recognize_again(image):
        messages.success(request, f"Recognising {image.filename} again…")
    elif image.verdict == FlagVerdict.REMOVED:
        messages.error(request, f"A moderator removed {image.filename}: there is nothing left to recognise.")
    else:
        messages.info(request, f"{image.filename} is already being recognised.")
    if _is_htmx(request) and "card" in request.POST:
        return _changes(request, changed=[image.pk])
    return _go(request, _next(request, image.get_absolute_url()))


@login_required
@require_POST
def delete(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """Delete one image with all that was made from it, for good."""
    image = get_object_or_404(Image, pk=image_id, owner=person(request))
    delete_images(Image.objects.filter(pk=image.pk))
    messages.success(request, f"{image.filename} was deleted.")
    return _go(request, _next(request, reverse("images:history")))


class _Refused(Exception):
    """The choice cannot be acted on; the message says why, in a sentence."""


@login_required
@require_POST
def selection(request: HttpRequest) -> HttpResponseBase:
    """Do `action` to the images `ids` (repeated or comma-separated), or with `all=1` to all that match the filters."""
    act = _ACTIONS.get(request.POST.get("action", ""))
    filters = Filters.parse(request.POST)
    try:
        if act is None:
            raise _Refused(_NO_SUCH_ACTION)
        return act(request, _chosen(request, filters), filters)
    except _Refused as refusal:
        messages.error(request, str(refusal))
        return _changes(request) if _is_htmx(request) else redirect(history_address(filters))


def _chosen(request: HttpRequest, filters: Filters) -> QuerySet[Image]:
    owner = person(request)
    if request.POST.get("all") == "1":
        return _all_seen(request, filters)
    ids = valid_ids([part for value in request.POST.getlist("ids") for part in value.split(",")])
    if len(ids) > _CHOSEN_AT_MOST:
        raise _Refused(f"Choose at most {_CHOSEN_AT_MOST:,} images, or all that match.")
    chosen = own_images(owner).filter(pk__in=ids)
    if not chosen.exists():
        raise _Refused("Choose some images first.")
    return chosen


def _all_seen(request: HttpRequest, filters: Filters) -> QuerySet[Image]:
    """All that match, except what came in after the page was made: nobody chose what they could not see."""
    if filters.problems:
        raise _Refused(f"Nothing was done, because the filters could not be understood. {filters.problems[0]}")
    found = matching(person(request), filters)
    if text := request.POST.get("as_of"):
        found = found.filter(created_at__lte=_moment(text))
    return found


def _moment(text: str) -> datetime:
    damaged = _Refused("Nothing was done: the page was damaged on its way. Load it again.")
    try:
        moment = parse_datetime(text)
        if moment is None or timezone.is_naive(moment):
            raise damaged
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise damaged from None


def _delete_chosen(request: HttpRequest, chosen: QuerySet[Image], filters: Filters) -> HttpResponse:
    if request.POST.get("confirmed") != "1":
        fields = [
            (name, value) for name, values in request.POST.lists() if name != "csrfmiddlewaretoken" for value in values
        ]
        context = {"count": chosen.count(), "fields": fields, "back": history_address(filters)}
        return render(request, "images/confirm_delete.html", context)
    gone = list(chosen.order_by().values_list("pk", flat=True)[: _SWAPPED_AT_MOST + 1])
    deleted = delete_images(chosen)
    messages.success(request, "1 image was deleted." if deleted == 1 else f"{deleted:,} images were deleted.")
    left = bounded_count(matching(person(request), filters))
    if not _is_htmx(request) or not left or len(gone) > _SWAPPED_AT_MOST:
        return _go(request, history_address(filters))
    return _changes(request, gone=gone, count=left)


def _recognize_chosen(request: HttpRequest, chosen: QuerySet[Image], filters: Filters) -> HttpResponse:
    images = list(chosen[: _RECOGNIZED_AT_ONCE + 1])
    if len(images) > _RECOGNIZED_AT_ONCE:
        raise _Refused(f"At most {_RECOGNIZED_AT_ONCE:,} images can be recognised again at once: choose fewer.")
    queued = recognize_all_again(images)
    messages.success(request, f"Recognising {queued:,} {'image' if queued == 1 else 'images'} again…")
    if waiting := len(images) - queued:
        messages.info(request, f"{waiting:,} {'was' if waiting == 1 else 'were'} already being recognised.")
    if not _is_htmx(request) or len(images) > _SWAPPED_AT_MOST:
        return _go(request, history_address(filters))
    return _changes(request, changed=[image.pk for image in images])


def _share(shared: bool) -> Callable[[HttpRequest, QuerySet[Image], Filters], HttpResponse]:
    def act(request: HttpRequest, chosen: QuerySet[Image], filters: Filters) -> HttpResponse:
        if not is_up_to_owners():
            raise _Refused(_NO_SUCH_ACTION)
        count = share(list(chosen.order_by().values_list("pk", flat=True)), shared)
        images = f"{count:,} {'image' if count == 1 else 'images'}"
        messages.success(request, f"Shared with moderators: {images}." if shared else f"No longer shared: {images}.")
        return _changes(request) if _is_htmx(request) else redirect(history_address(filters))

    return act


def _export(kind: str) -> Callable[[HttpRequest, QuerySet[Image], Filters], HttpResponseBase]:
    stream, content_type = {"csv": (csv_stream, "text/csv"), "json": (json_stream, "application/json")}[kind]

    def export(request: HttpRequest, chosen: QuerySet[Image], filters: Filters) -> HttpResponseBase:
        name = f"imagesift-{timezone.now():%Y-%m-%d}.{kind}"
        if by_lambda():
            return _stored_export(request, stream(chosen, filters.confidence), name, f"{content_type}; charset=utf-8")
        return StreamingHttpResponse(
            stream(chosen, filters.confidence),
            content_type=f"{content_type}; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )

    return export


def _stored_export(request: HttpRequest, lines: Iterator[str], name: str, content_type: str) -> HttpResponse:
    """An answer of a Lambda may be no longer than 6 MB: the list is stored, and fetched from there."""
    try:
        return HttpResponseRedirect(store_list(person(request), lines, name, content_type))
    except TooLarge:
        raise _Refused("These are too many images for one list: choose fewer, for example by their days.") from None


_ACTIONS: dict[str, Callable[[HttpRequest, QuerySet[Image], Filters], HttpResponseBase]] = {
    "delete": _delete_chosen,
    "recognize": _recognize_chosen,
    "share": _share(True),
    "unshare": _share(False),
    "export-csv": _export("csv"),
    "export-json": _export("json"),
}


def _changes(
    request: HttpRequest, *, changed: Iterable[UUID] = (), gone: Iterable[UUID] = (), count: int | None = None
) -> HttpResponse:
    """What htmx swaps into the page as it stands: changed cards, cards that are gone, the count, and messages."""
    images = list(own_images(person(request)).filter(pk__in=changed))
    shown = cards(images, Filters.parse(request.POST).confidence)
    return render(
        request, "images/_changes.html", {"cards": shown, "gone": gone, "count": count, "with_messages": True}
    )


def _is_htmx(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))


def _go(request: HttpRequest, address: str) -> HttpResponse:
    return HttpResponseClientRedirect(address) if _is_htmx(request) else redirect(address)


def _next(request: HttpRequest, otherwise: str) -> str:
    """Where the form asks to go on to, as long as that is on this site."""
    address = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if safe else otherwise
