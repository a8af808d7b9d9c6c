"""What people said is in images, and what owners suggest: lists to look at. They are changed in the review alone."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AllValuesCheckboxFilter

from portal.accounts.models import User
from portal.admin_site import ReadOnlyAdmin, badge
from portal.images.admin.filters import DaysFilter
from portal.images.models import LabelState
from portal.moderation.access import visible_images
from portal.moderation.admin.people import AuthorFilter, review_link
from portal.moderation.models import Annotation, Suggestion

STATE_COLORS = {
    LabelState.APPROVED.label: "success",
    LabelState.REJECTED.label: "danger",
    LabelState.CORRECTED.label: "warning",
    LabelState.ADDED.label: "info",
}
SUGGESTION_COLORS = {"Waiting": "warning", "Settled": "success"}


class SayingAdmin(ReadOnlyAdmin):
    """Rows of those images that somebody may review, and their own rows; all of them for who sees all images."""

    list_filter_submit = True
    list_select_related: tuple[str, ...] = ("image", "author")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset: QuerySet[Any] = super().get_queryset(request)
        user = request.user
        if not isinstance(user, User) or user.has_perm("images.view_image"):
            return queryset
        return queryset.filter(Q(image__in=visible_images(user)) | Q(author=user))

    @admin.display(description="Image", ordering="image__filename")
    def image_link(self, saying: Annotation | Suggestion) -> str:
        return review_link(saying.image_id, saying.image)


@admin.register(Annotation)
class AnnotationAdmin(SayingAdmin):
    list_display = ("decided_at", "image_link", "label", "said", "prediction", "place", "author")
    list_display_links = ("decided_at",)
    list_select_related = ("image", "author", "label", "predicted_label")
    list_filter = (
        ("state", admin.ChoicesFieldListFilter),
        ("detector", AllValuesCheckboxFilter),
        AuthorFilter,
        ("decided_at", DaysFilter),
    )
    search_fields = ("^image__id", "image__filename", "label__name", "label__display_name", "author__username")
    search_help_text = "Search by image, label or author"
    ordering = ("-decided_at", "-id")
    fields = (
        "image_link",
        "label",
        "said",
        "place",
        "prediction",
        "predicted_place",
        "detector_version",
        "author",
        "decided_at",
    )

    @badge(STATE_COLORS)
    @admin.display(description="Said", ordering="state")
    def said(self, annotation: Annotation) -> str:
        return annotation.get_state_display()

    @admin.display(description="Prediction", empty_value="–")
    def prediction(self, annotation: Annotation) -> str:
        if annotation.predicted_label is None:
            return ""
        confidence = annotation.predicted_confidence
        sure = "" if confidence is None else f", {confidence:.0f} %"
        return f"{annotation.predicted_label.name}{sure} ({annotation.detector})"

    @admin.display(description="Where")
    def place(self, annotation: Annotation) -> str:
        return _place(annotation.left, annotation.top, annotation.width, annotation.height)

    @admin.display(description="Where it was predicted")
    def predicted_place(self, annotation: Annotation) -> str:
        return _place(
            annotation.predicted_left,
            annotation.predicted_top,
            annotation.predicted_width,
            annotation.predicted_height,
        )


@admin.register(Suggestion)
class SuggestionAdmin(SayingAdmin):
    list_display = ("made_at", "image_link", "label", "what", "author", "state")
    list_display_links = ("made_at",)
    list_filter = (
        ("settled_at", admin.EmptyFieldListFilter),
        ("kind", admin.ChoicesFieldListFilter),
        AuthorFilter,
        ("made_at", DaysFilter),
    )
    search_fields = ("^image__id", "image__filename", "label", "instead", "author__username")
    search_help_text = "Search by image, label or author"
    fields = ("image_link", "label", "what", "author", "made_at", "settled_at")

    @admin.display(description="What its owner says", ordering="kind")
    def what(self, suggestion: Suggestion) -> str:
        if suggestion.kind == Suggestion.Kind.INSTEAD:
            return f"It should be {suggestion.instead}"
        return suggestion.get_kind_display()

    @badge(SUGGESTION_COLORS)
    @admin.display(description="State", ordering="settled_at")
    def state(self, suggestion: Suggestion) -> str:
        return "Settled" if suggestion.settled_at else "Waiting"


def _place(left: float | None, top: float | None, width: float | None, height: float | None) -> str:
    if left is None or top is None or width is None or height is None:
        return "The whole image"
    return f"{width:.0%} × {height:.0%}, {left:.0%} from the left, {top:.0%} from the top"
