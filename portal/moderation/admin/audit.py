"""The audit log: who looked at, decided or changed what, and when. Nobody adds to it here, changes it or deletes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.template.loader import render_to_string

from portal.admin_site import ReadOnlyAdmin, badge
from portal.csv_lines import csv_lines
from portal.images.admin.filters import DaysFilter
from portal.moderation.access import REVIEW
from portal.moderation.admin.people import ActorFilter, review_link
from portal.moderation.models import AuditEntry, Verb

ALL_DEEDS = "moderation.view_auditentry"
VERB_COLORS = {
    Verb.LOOKED.label: "info",
    Verb.APPROVED.label: "success",
    Verb.COMPLETED.label: "success",
    Verb.REJECTED.label: "danger",
    Verb.FLAG_DECIDED.label: "danger",
    Verb.RELABELLED.label: "warning",
    Verb.REDRAWN.label: "warning",
    Verb.ADDED.label: "warning",
}
CSV_COLUMNS = ("at", "who", "did", "image_id", "label", "before", "after", "batch", "undone", "id")
_AT_ONCE = 2000


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Everything for those with the permission to view the log; moderators see what they did themselves."""

    list_display = ("at", "who", "what", "subject", "image_link", "in_one_go", "undone")
    list_display_links = ("at",)
    list_select_related = ("image",)
    list_filter = (("verb", admin.ChoicesFieldListFilter), ActorFilter, ("at", DaysFilter))
    list_filter_submit = True
    search_fields = ("^image_uuid", "^actor_name", "^batch", "^subject")
    search_help_text = "Search by an image's id, who did it, a batch's id, or a label"
    fields = ("id", "at", "who", "what", "subject", "image_link", "image_uuid", "in_one_go", "undone", "changes")
    actions = ("export_as_csv",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        queryset: QuerySet[AuditEntry] = super().get_queryset(request)
        return queryset if request.user.has_perm(ALL_DEEDS) else queryset.filter(actor=request.user.pk)

    def has_view_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        """Moderators may look up their own deeds without the permission to view everybody's."""
        if request.user.has_perm(ALL_DEEDS):
            return True
        return request.user.has_perm(REVIEW) and (obj is None or obj.actor_id == request.user.pk)

    @admin.display(description="Who", ordering="actor_name")
    def who(self, entry: AuditEntry) -> str:
        return entry.actor_name

    @badge(VERB_COLORS)
    @admin.display(description="Did", ordering="verb")
    def what(self, entry: AuditEntry) -> str:
        return entry.get_verb_display()

    @admin.display(description="Image", empty_value="–")
    def image_link(self, entry: AuditEntry) -> str:
        if entry.image is None:
            return f"{entry.image_uuid}, deleted since" if entry.image_uuid else ""
        return review_link(entry.image.pk, entry.image)

    @admin.display(description="In one go", empty_value="–")
    def in_one_go(self, entry: AuditEntry) -> str:
        return f"Batch {str(entry.batch)[:8]}" if entry.batch else ""

    @badge({"Undone": "warning"})
    @admin.display(description="Undone", empty_value="–")
    def undone(self, entry: AuditEntry) -> str:
        return "Undone" if entry.undone_by_id else ""

    @admin.display(description="Before and after")
    def changes(self, entry: AuditEntry) -> str:
        text = json.dumps({"before": entry.before, "after": entry.after}, indent=2, ensure_ascii=False)
        return render_to_string("admin/images/json.html", {"text": text})

    @admin.action(description="Export as CSV", permissions=["view"])
    def export_as_csv(self, _request: HttpRequest, queryset: QuerySet[AuditEntry]) -> StreamingHttpResponse:
        lines = csv_lines(CSV_COLUMNS, _rows(queryset))
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="imagesift-audit-log.csv"'
        return response


def _rows(entries: QuerySet[AuditEntry]) -> Iterator[tuple[Any, ...]]:
    for entry in entries.select_related(None).iterator(chunk_size=_AT_ONCE):
        yield (
            entry.at.isoformat(),
            entry.actor_name,
            entry.verb,
            entry.image_uuid or "",
            entry.subject,
            json.dumps(entry.before, ensure_ascii=False) if entry.before else "",
            json.dumps(entry.after, ensure_ascii=False) if entry.after else "",
            entry.batch or "",
            "yes" if entry.undone_by_id else "no",
            entry.id,
        )
