"""Everybody's images, for the staff: what is in them, what went wrong, and another try."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST, require_safe
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from portal.accounts.person import person
from portal.admin_site import ReadOnlyAdmin, View, badge
from portal.images.admin.filters import DaysFilter, DetectorFilter, FailureFilter, FlaggedFilter
from portal.images.admin.picture import Picture
from portal.images.deletion import delete_images
from portal.images.models import CurrentLabel, Image, Recognition, Status
from portal.images.queueing import recognize_again
from portal.images.serving import Served, serve_stored
from portal.moderation.looking import note_looks

STATUS_COLORS = {
    Status.AWAITING_UPLOAD.label: "info",
    Status.QUEUED.label: "info",
    Status.PROCESSING.label: "info",
    Status.RECOGNIZED.label: "success",
    Status.FAILED.label: "danger",
}
LABELS_IN_LIST = 3


@admin.register(Image)
class ImageAdmin(ReadOnlyAdmin):
    """A list to find images in and a page that shows one. Nothing can be edited: predictions stay as they were said."""

    list_display = ("thumbnail", "filename", "owner", "state", "top_labels", "problem", "created_at")
    list_display_links = ("filename",)
    list_filter = (
        ("status", admin.ChoicesFieldListFilter),
        FailureFilter,
        FlaggedFilter,
        DetectorFilter,
        ("owner", AutocompleteSelectFilter),
        ("created_at", DaysFilter),
    )
    list_filter_submit = True
    search_fields = ("^id", "filename", "owner__username", "owner__email", "^sha256", "search_text")
    search_help_text = "Search by id, file name, owner, SHA-256, label or text found"
    ordering = ("-created_at", "-id")
    actions = ("recognize_selected_again", "delete_selected")
    change_form_outer_before_template = "admin/images/image/picture.html"
    fieldsets = (
        (
            "File",
            {"fields": ("id", "filename", "owner_link", "size", "content_type", "format", "sha256", "created_at")},
        ),
        ("State", {"fields": ("state", "problem", "failure_permanent", "attempts", "queued_at", "hold", "not_before")}),
        ("Being recognised by", {"fields": ("claimed_by", "claimed_until"), "classes": ("collapse",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Image]:
        shown = CurrentLabel.objects.filter(surest_of_name=True, confidence__gte=settings.SHOWN_CONFIDENCE)
        labels = Prefetch("current_labels", shown.order_by("-confidence", "title"))
        queryset: QuerySet[Image] = super().get_queryset(request)
        return queryset.select_related("owner", "current").prefetch_related(labels)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("<uuid:image_id>/thumbnail/", self._cached(self.serve_thumbnail), name="images_image_thumbnail"),
            path("<uuid:image_id>/preview/", self._cached(self.serve_preview), name="images_image_preview"),
            path("<uuid:image_id>/recognize/", self._posted(self.recognize_one), name="images_image_recognize"),
        ]
        theme: list[URLPattern] = super().get_urls()
        return own + theme

    def _cached(self, view: View) -> View:
        allowed: View = self.admin_site.admin_view(require_safe(view), cacheable=True)
        return allowed

    def _posted(self, view: View) -> View:
        allowed: View = self.admin_site.admin_view(require_POST(view))
        return allowed

    def has_delete_permission(self, request: HttpRequest, _obj: object | None = None) -> bool:
        return request.user.has_perm("images.delete_image")

    def has_recognize_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("images.change_image")

    # Columns and fields

    @admin.display(description="Picture")
    def thumbnail(self, image: Image) -> str:
        return render_to_string("admin/images/image/thumbnail.html", {"image": image})

    @badge(STATUS_COLORS)
    @admin.display(description="Status", ordering="status")
    def state(self, image: Image) -> str:
        return image.get_status_display()

    @admin.display(description="Labels", empty_value="–")
    def top_labels(self, image: Image) -> str:
        return ", ".join([label.title for label in image.current_labels.all()][:LABELS_IN_LIST])

    @admin.display(description="What went wrong", ordering="failure_code", empty_value="–")
    def problem(self, image: Image) -> str:
        return image.failure_message or (image.get_hold_display() if image.hold else "")

    @admin.display(description="Owner")
    def owner_link(self, image: Image) -> str:
        address = reverse("admin:accounts_user_change", args=[image.owner_id])
        return render_to_string("admin/images/link.html", {"address": address, "text": image.owner})

    @admin.display(description="Size")
    def size(self, image: Image) -> str:
        pixels = f"{image.width} × {image.height} pixels, " if image.has_picture else ""
        return f"{pixels}{image.byte_size:,} bytes"

    # Looks at somebody else's images, which are all in the audit log

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, extra_context)
        # Answers to actions, and to addresses that cannot be understood, list nothing.
        changelist = (getattr(response, "context_data", None) or {}).get("cl")
        if changelist is not None:
            note_looks(person(request), [image for image in changelist.result_list if image.has_picture])
        return response

    # The page of one image

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        image = self.get_object(request, object_id)
        context: dict[str, Any] = {**(extra_context or {}), "may_recognize": self.has_recognize_permission(request)}
        if image is not None and self.has_view_permission(request, image):
            note_looks(person(request), [image])
            context["picture"] = Picture.of(image)
            context["recognitions"] = Recognition.objects.filter(image=image).defer("document")
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    def serve_thumbnail(self, request: HttpRequest, image_id: UUID) -> Served:
        image = self._looked_at(request, image_id)
        etag = f"{image.sha256}-thumbnail"
        return serve_stored(request, "derived", image.thumbnail_key, content_type="image/jpeg", etag=etag)

    def serve_preview(self, request: HttpRequest, image_id: UUID) -> Served:
        image = self._looked_at(request, image_id)
        etag = f"{image.sha256}-preview"
        return serve_stored(request, "derived", image.preview_key, content_type="image/jpeg", etag=etag)

    def _looked_at(self, request: HttpRequest, image_id: UUID) -> Image:
        if not self.has_view_permission(request):
            raise PermissionDenied
        image = get_object_or_404(Image, pk=image_id)
        note_looks(person(request), [image])
        return image

    # What staff may do

    @admin.action(description="Recognise again", permissions=["recognize"])
    def recognize_selected_again(self, request: HttpRequest, queryset: QuerySet[Image]) -> None:
        images = list(queryset)
        queued = [image for image in images if recognize_again(image)]
        for image in queued:
            self.log_change(request, image, "Asked for another recognition.")
        if queued:
            self.message_user(request, f"{_count(len(queued))} queued to be recognised again.", messages.SUCCESS)
        if left := len(images) - len(queued):
            reason = "already waiting, being recognised, or without a file"
            self.message_user(request, f"{_count(left)} left alone: {reason}.", messages.WARNING)

    def recognize_one(self, request: HttpRequest, image_id: UUID) -> HttpResponse:
        if not self.has_recognize_permission(request):
            raise PermissionDenied
        image = get_object_or_404(Image, pk=image_id)
        self.recognize_selected_again(request, Image.objects.filter(pk=image.pk))
        return HttpResponseRedirect(reverse("admin:images_image_change", args=[image.pk]))

    def get_deleted_objects(
        self, images: Sequence[Image] | QuerySet[Image], _request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What goes with these images, counted instead of listed: each has hundreds of rows."""
        ids = [image.pk for image in images]
        counts = {"images": len(ids), "recognitions": Recognition.objects.filter(image__in=ids).count()}
        return [image.filename for image in images], counts, set(), []

    def delete_model(self, _request: HttpRequest, image: Image) -> None:
        delete_images(Image.objects.filter(pk=image.pk))

    def delete_queryset(self, _request: HttpRequest, queryset: QuerySet[Image]) -> None:
        delete_images(Image.objects.filter(pk__in=queryset.values("pk")))


def _count(images: int) -> str:
    return "1 image is" if images == 1 else f"{images:,} images are"
