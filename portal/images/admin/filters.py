"""Filters of the image list that are not a plain field."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, RadioFilter, RangeDateFilter
from unfold.utils import parse_date_str

from portal.images.models import DetectedLabel, Image, Status


def words(code: str) -> str:
    """A failure's code as people read it: `truncated_image` becomes "Truncated image"."""
    return code.replace("_", " ").capitalize()


class DaysFilter(RangeDateFilter):  # type: ignore[misc]
    """Rows of a moment's field from one day to another, both included. The theme's own leaves out the last day."""

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        bounds = {"gte": self.used_parameters.get(f"{self.parameter_name}_from")}
        bounds["lte"] = self.used_parameters.get(f"{self.parameter_name}_to")
        days = {lookup: parse_date_str(written) for lookup, written in bounds.items() if written}
        return queryset.filter(**{f"{self.parameter_name}__date__{lookup}": day for lookup, day in days.items() if day})


class FailureFilter(DropdownFilter):  # type: ignore[misc]
    """Failed images by the reason, each reason with how many images it stopped."""

    title = "reason of failure"
    parameter_name = "failure"

    def lookups(self, _request: HttpRequest, _model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        failed = Image.objects.filter(status=Status.FAILED).order_by()
        counts = failed.values_list("failure_code").annotate(images=Count("pk")).order_by("-images", "failure_code")
        return [(code, f"{words(code)} ({images:,})") for code, images in counts if code]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Image]) -> QuerySet[Image]:
        if self.value():
            return queryset.filter(status=Status.FAILED, failure_code=self.value())
        return queryset


class DetectorFilter(DropdownFilter):  # type: ignore[misc]
    """Images whose current labels come, at least one of them, from a detector."""

    title = "detector"
    parameter_name = "detector"

    def lookups(self, _request: HttpRequest, _model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        names = DetectedLabel.objects.order_by("detector").values_list("detector", flat=True).distinct()
        return [(name, name) for name in names]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Image]) -> QuerySet[Image]:
        if not self.value():
            return queryset
        labelled = DetectedLabel.objects.filter(detector=self.value())
        return queryset.filter(current__in=labelled.values("recognition"))


class FlaggedFilter(RadioFilter):  # type: ignore[misc]
    """Images that a detector says should not be shown to everybody."""

    title = "content flag"
    parameter_name = "flagged"

    def lookups(self, _request: HttpRequest, _model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [("yes", "Flagged"), ("no", "Not flagged")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Image]) -> QuerySet[Image]:
        return queryset.filter(flagged=self.value() == "yes") if self.value() in ("yes", "no") else queryset
