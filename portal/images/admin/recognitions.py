"""What detectors said, to look at and never to edit."""

from __future__ import annotations

import json

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from portal.admin_site import ReadOnlyAdmin, badge
from portal.images.admin.filters import DaysFilter
from portal.images.models import Recognition
from portal.templatetags.money import dollars
from recognition.result import Status

STATUS_COLORS = {"Recognised": "success", "Failed": "danger"}


@admin.register(Recognition)
class RecognitionAdmin(ReadOnlyAdmin):
    list_display = ("recognized_at", "image", "owner", "state", "cost", "configuration")
    list_filter = (("status", admin.ChoicesFieldListFilter), ("recognized_at", DaysFilter))
    list_filter_submit = True
    search_fields = ("^image__id", "image__filename", "image__owner__username", "configuration")
    search_help_text = "Search by image, owner or configuration"
    fields = ("image_link", "owner", "state", "recognized_at", "recorded_at", "cost", "configuration", "json")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recognition]:
        queryset: QuerySet[Recognition] = super().get_queryset(request).select_related("image__owner")
        # Documents are large, and only the page of one recognition shows one.
        return queryset.defer("document")

    @admin.display(description="Owner", ordering="image__owner__username")
    def owner(self, recognition: Recognition) -> str:
        return str(recognition.image.owner)

    @badge(STATUS_COLORS)
    @admin.display(description="Status", ordering="status")
    def state(self, recognition: Recognition) -> str:
        return "Failed" if recognition.status == Status.FAILED else "Recognised"

    @admin.display(description="Cost", ordering="cost_micro_usd", empty_value="–")
    def cost(self, recognition: Recognition) -> str:
        return dollars(recognition.cost_micro_usd) if recognition.cost_micro_usd else ""

    @admin.display(description="Image")
    def image_link(self, recognition: Recognition) -> str:
        address = reverse("admin:images_image_change", args=[recognition.image_id])
        return render_to_string("admin/images/link.html", {"address": address, "text": recognition.image})

    @admin.display(description="Result")
    def json(self, recognition: Recognition) -> str:
        text = json.dumps(recognition.document, indent=2, ensure_ascii=False)
        return render_to_string("admin/images/json.html", {"text": text})
