"""The administration of what images follow: changes of the vocabulary, and the thresholds of content flags."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from portal.admin_site import ReadOnlyAdmin, badge
from portal.images.admin.filters import DaysFilter
from portal.moderation.admin.refusing import VocabularyAdmin
from portal.moderation.models import ContentThreshold, VocabularyChange
from portal.moderation.vocabulary.flags import set_thresholds


@admin.register(VocabularyChange)
class VocabularyChangeAdmin(ReadOnlyAdmin):
    """What was changed, and how far the images are. The page of one has the way back."""

    list_display = ("summary", "kind", "made_by", "made_at", "progress", "images_done", "undone")
    list_filter = (("kind", admin.ChoicesFieldListFilter), ("made_at", DaysFilter))
    list_filter_submit = True
    list_select_related = ("made_by", "undone_by")
    search_fields = ("summary", "made_by__username")
    search_help_text = "Search by what was changed, or by whom"

    @badge({"Done": "success", "Under way": "info"})
    @admin.display(description="Images", ordering="finished_at")
    def progress(self, change: VocabularyChange) -> tuple[str, str]:
        return ("Done", "Done") if change.finished_at else ("Under way", f"{change.percent} %")

    @admin.display(description="Undone", boolean=True)
    def undone(self, change: VocabularyChange) -> bool:
        return change.undone_by_id is not None

    def change_view(self, request: HttpRequest, object_id: str, *_args: Any, **_named: Any) -> HttpResponse:
        change = self.get_object(request, object_id)
        if change is None or not self.has_view_permission(request, change):
            return HttpResponseRedirect(reverse("admin:index"))
        return HttpResponseRedirect(reverse("moderation:change", args=[change.pk]))


@admin.register(ContentThreshold)
class ContentThresholdAdmin(VocabularyAdmin):
    """From which confidence on the content flags of a category hide photos; all others do as the setting says."""

    list_display = ("category", "confidence")
    fields = ("category", "confidence")

    def get_readonly_fields(self, _request: HttpRequest, threshold: ContentThreshold | None = None) -> tuple[str, ...]:
        return () if threshold is None else ("category",)

    def save_model(self, request: HttpRequest, threshold: ContentThreshold, _form: Any, _change: bool) -> None:
        self.ask(request, partial(set_thresholds, percents={threshold.category: threshold.confidence}))
        threshold.pk = ContentThreshold.objects.get(category=threshold.category).pk

    def delete_model(self, request: HttpRequest, threshold: ContentThreshold) -> None:
        self.delete_queryset(request, ContentThreshold.objects.filter(pk=threshold.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ContentThreshold]) -> None:
        percents = dict.fromkeys(queryset.values_list("category", flat=True))
        self.try_to(request, partial(set_thresholds, percents=percents))
