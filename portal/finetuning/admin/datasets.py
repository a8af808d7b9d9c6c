"""Datasets in the administration: making one, watching it grow, reading its card, fetching its lists."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.forms import Script
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.person import person
from portal.admin_site import ReadOnlyAdmin, badge
from portal.finetuning.building import advance
from portal.finetuning.coco import coco_stream
from portal.finetuning.forms import SnapshotForm
from portal.finetuning.making import begin, record_export
from portal.finetuning.models import DatasetSnapshot, SnapshotState
from portal.finetuning.splitting import Split
from portal.finetuning.storing import fresh, store_lists, stored_list
from portal.finetuning.tasks import ask_for
from portal.images import buckets
from portal.images.serving import ADDRESS_SECONDS
from portal.images.workers import by_lambda

STATE_COLORS = {
    SnapshotState.BUILDING.label: "info",
    SnapshotState.READY.label: "success",
    SnapshotState.FAILED.label: "danger",
}
# Of a poll, which should answer before the next.
POLL_SECONDS = 2.0


@admin.register(DatasetSnapshot)
class DatasetSnapshotAdmin(ReadOnlyAdmin):
    """A list of versions, a form for a new one, and a page for each that nothing can be changed on."""

    form = SnapshotForm
    list_display = ("__str__", "progress", "images_in_it", "author_name", "made_at", "images_removed")
    list_filter = (("state", admin.ChoicesFieldListFilter),)
    search_fields = ("name", "author_name")
    search_help_text = "Search by name or author"
    change_form_outer_before_template = "admin/finetuning/card.html"

    class Media:
        js = (Script("js/dataset-progress.js", type="module"),)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("finetuning.add_datasetsnapshot"))

    def get_fields(self, _request: HttpRequest, obj: DatasetSnapshot | None = None) -> tuple[str, ...]:
        return () if obj else SnapshotForm.Meta.fields

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                "<uuid:snapshot_id>/progress/",
                self.admin_site.admin_view(require_POST(self.report_progress)),
                name="finetuning_datasetsnapshot_progress",
            ),
            path(
                "<uuid:snapshot_id>/<str:split>.json",
                self.admin_site.admin_view(require_safe(self.download)),
                name="finetuning_datasetsnapshot_download",
            ),
        ]
        theme: list[URLPattern] = super().get_urls()
        return own + theme

    # Columns

    @badge(STATE_COLORS)
    @admin.display(description="State", ordering="state")
    def progress(self, snapshot: DatasetSnapshot) -> str:
        done = f" {snapshot.percent_done} %" if snapshot.is_building else ""
        return snapshot.get_state_display() + done

    @admin.display(description="Images", empty_value="–")
    def images_in_it(self, snapshot: DatasetSnapshot) -> int | None:
        counts = snapshot.card.get("counts")
        return counts["images"] if counts else None

    # Making one

    def save_model(self, request: HttpRequest, _obj: DatasetSnapshot, form: SnapshotForm, _change: bool) -> None:
        snapshot = begin(form.asked_for(), person(request))
        record_export(snapshot, person(request), "made")
        ask_for(snapshot)

    def response_add(
        self, _request: HttpRequest, obj: DatasetSnapshot, _post_url_continue: str | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:finetuning_datasetsnapshot_change", args=[obj.pk]))

    # The page of one

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        snapshot = self.get_object(request, object_id)
        context: dict[str, Any] = {**(extra_context or {}), "splits": list(Split)}
        if snapshot is not None:
            fresh(snapshot)
            context |= {"snapshot": snapshot, "title": str(snapshot), "subtitle": None}
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    def report_progress(self, request: HttpRequest, snapshot_id: UUID) -> HttpResponse:
        """How far it is; where no worker is, the asking itself gets it on."""
        snapshot = self._viewable(request, snapshot_id)
        if by_lambda() and snapshot.is_building:
            advance(snapshot.pk, POLL_SECONDS)
            snapshot.refresh_from_db()
        return JsonResponse({"state": snapshot.state, "percent": snapshot.percent_done, "error": snapshot.error})

    def download(self, request: HttpRequest, snapshot_id: UUID, split: str) -> HttpResponseBase:
        """The list of a split, as an attachment."""
        snapshot = self._viewable(request, snapshot_id)
        if split not in list(Split) or not snapshot.is_ready:
            raise Http404
        record_export(snapshot, person(request), f"{split}.json")
        name = f"{snapshot.name}-v{snapshot.version}-{split}.json"
        if by_lambda():
            return _from_bucket(snapshot, Split(split), name)
        response = StreamingHttpResponse(coco_stream(snapshot, Split(split)), content_type="application/json")
        response.headers["Cache-Control"] = "no-store"
        response.headers["Content-Disposition"] = _attachment(name)
        return response

    def _viewable(self, request: HttpRequest, snapshot_id: UUID) -> DatasetSnapshot:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(DatasetSnapshot, pk=snapshot_id)


def _attachment(name: str) -> str:
    return content_disposition_header(True, name) or "attachment"


def _from_bucket(snapshot: DatasetSnapshot, split: Split, name: str) -> HttpResponse:
    """An answer of a Lambda may be no longer than 6 MB."""
    store_lists(snapshot)
    address = buckets.address(
        "derived",
        stored_list(snapshot, split),
        seconds=ADDRESS_SECONDS,
        method="GET",
        ResponseContentDisposition=_attachment(name),
    )
    return HttpResponseRedirect(address)
