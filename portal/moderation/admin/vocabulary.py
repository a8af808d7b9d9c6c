"""The administration of the vocabulary: labels, what detectors mean by them, and the changes that images follow."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from unfold.decorators import action

from portal.admin_site import badge
from portal.images.models import DetectedLabel, DetectorName, Image, Label
from portal.moderation.admin.label_form import LabelForm, MeaningInline, mappings
from portal.moderation.admin.merging import MergePage
from portal.moderation.admin.refusing import RefusableForm, VocabularyAdmin, wish_of
from portal.moderation.vocabulary.add import add_word
from portal.moderation.vocabulary.block import block, unblock
from portal.moderation.vocabulary.changing import CHANGE_WORDS
from portal.moderation.vocabulary.mapping import map_names

STATE_COLORS = {"Blocked": "danger", "Merged": "info", "Hidden below": "warning"}


class StateFilter(admin.SimpleListFilter):
    """Labels by what the vocabulary says of them."""

    title = "state"
    parameter_name = "state"
    _CONDITIONS: dict[str, dict[str, Any]] = {
        "shown": {"blocked": False, "merged_into": None},
        "blocked": {"blocked": True},
        "merged": {"merged_into__isnull": False},
        "hidden": {"shown_from__isnull": False},
    }

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        return [("shown", "In use"), ("blocked", "Blocked"), ("merged", "Merged"), ("hidden", "With a threshold")]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Label]) -> QuerySet[Label]:
        return queryset.filter(**self._CONDITIONS.get(self.value() or "", {}))


@admin.register(Label)
class LabelAdmin(VocabularyAdmin):
    """Every name that a detector or a person has given, with how often, and what people made of it."""

    form = LabelForm
    list_display = ("title", "name", "state", "category", "parent", "images", "detections")
    list_filter = (StateFilter,)
    list_select_related = ("parent", "merged_into")
    search_fields = ("name", "display_name", "category")
    search_help_text = "Search by name or category"
    autocomplete_fields = ("parent",)
    inlines = (MeaningInline,)
    actions = ("merge_selected", "block_selected", "unblock_selected")
    actions_detail = ("merge_this",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Label]:
        detected = DetectedLabel.objects.filter(label=OuterRef("pk")).order_by().values("label")
        shown = Image.objects.filter(current__labels__label=OuterRef("pk")).order_by().values("current__labels__label")
        detection_count = Subquery(detected.annotate(rows=Count("pk")).values("rows"))
        image_count = Subquery(shown.annotate(rows=Count("pk", distinct=True)).values("rows"))
        queryset: QuerySet[Label] = super().get_queryset(request)
        return queryset.annotate(detection_count=Coalesce(detection_count, 0), image_count=Coalesce(image_count, 0))

    def get_urls(self) -> list[URLPattern]:
        theme: list[URLPattern] = super().get_urls()
        return [path("merge/", self.admin_site.admin_view(MergePage(self)), name="images_label_merge"), *theme]

    # Columns and fields

    @admin.display(description="Images detectors say it of", ordering="image_count")
    def images(self, label: Label) -> str:
        return f"{label.image_count:,}"  # type: ignore[attr-defined]

    @admin.display(description="Times detected", ordering="detection_count")
    def detections(self, label: Label) -> str:
        return f"{label.detection_count:,}"  # type: ignore[attr-defined]

    @badge(STATE_COLORS)
    @admin.display(description="State", empty_value="–")
    def state(self, label: Label) -> str | tuple[str, str]:
        if label.blocked:
            return "Blocked"
        if label.merged_into is not None:
            return "Merged", f"Merged into {label.merged_into}"
        return ("Hidden below", f"Hidden below {label.shown_from:g} %") if label.shown_from is not None else ""

    def get_fields(self, _request: HttpRequest, label: Label | None = None) -> tuple[str, ...]:
        if label is None:
            return ("name",)
        ruled = ("display_name", "parent", "category", "words", "blocked", "shown_from")
        return ("name", *ruled, "merged_into", "images", "detections")

    def get_readonly_fields(self, _request: HttpRequest, label: Label | None = None) -> tuple[str, ...]:
        return () if label is None else ("name", "merged_into", "images", "detections")

    def get_form(self, request: HttpRequest, obj: Label | None = None, **named: Any) -> type[RefusableForm]:
        if obj is None:
            named["form"] = RefusableForm
        return super().get_form(request, obj, **named)

    def get_inlines(self, _request: HttpRequest, label: Label | None) -> Sequence[Any]:
        return self.inlines if label is not None else ()

    def has_delete_permission(self, _request: HttpRequest, _label: Label | None = None) -> bool:
        """Detections refer to it for ever: it can be blocked, or merged."""
        return False

    # What is done

    def save_model(self, request: HttpRequest, label: Label, form: Any, change: bool) -> None:
        if not change:
            label.pk = add_word(wish_of(request), label.name).pk
            return
        for verb in form.verbs():
            self.ask(request, verb)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: ARG002
        formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []
        if asked := mappings(formset):
            self.ask(request, partial(map_names, names=asked))

    def has_words_permission(self, request: HttpRequest, *_object: Any) -> bool:
        return request.user.has_perm(CHANGE_WORDS)

    @admin.action(description="Merge into…", permissions=["words"])
    def merge_selected(self, _request: HttpRequest, queryset: QuerySet[Label]) -> HttpResponse:
        return _to_merging(queryset.values_list("pk", flat=True))

    @action(description="Merge into…", permissions=["words"])  # type: ignore[untyped-decorator]
    def merge_this(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        return _to_merging([int(object_id)])

    @admin.action(description="Block everywhere", permissions=["words"])
    def block_selected(self, request: HttpRequest, queryset: QuerySet[Label]) -> None:
        self.try_to(request, partial(block, pks=list(queryset.values_list("pk", flat=True))))

    @admin.action(description="Show again", permissions=["words"])
    def unblock_selected(self, request: HttpRequest, queryset: QuerySet[Label]) -> None:
        self.try_to(request, partial(unblock, pks=list(queryset.values_list("pk", flat=True))))


def _to_merging(pks: Any) -> HttpResponse:
    chosen = ",".join(str(pk) for pk in pks)
    return HttpResponseRedirect(f"{reverse('admin:images_label_merge')}?labels={chosen}")


@admin.register(DetectorName)
class DetectorNameAdmin(VocabularyAdmin):
    """What a word means when one certain detector says it."""

    list_display = ("detector", "label_name", "meaning")
    list_display_links = ("label_name",)
    list_filter = ("detector",)
    list_select_related = ("label", "meaning")
    search_fields = ("detector", "label__name", "meaning__name", "meaning__display_name")
    search_help_text = "Search by detector or word"
    autocomplete_fields = ("label", "meaning")
    fields = ("detector", "label", "meaning")

    @admin.display(description="Says", ordering="label__name")
    def label_name(self, name: DetectorName) -> str:
        return name.label.name

    def get_readonly_fields(self, _request: HttpRequest, name: DetectorName | None = None) -> tuple[str, ...]:
        return () if name is None else ("detector", "label")

    def save_model(self, request: HttpRequest, name: DetectorName, _form: Any, _change: bool) -> None:
        place = (name.detector, name.label_id)
        self.ask(request, partial(map_names, names={place: name.meaning_id}))
        name.pk = DetectorName.objects.get(detector=name.detector, label=name.label_id).pk

    def delete_model(self, request: HttpRequest, name: DetectorName) -> None:
        self.delete_queryset(request, DetectorName.objects.filter(pk=name.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[DetectorName]) -> None:
        asked = dict.fromkeys(queryset.values_list("detector", "label_id"))
        self.try_to(request, partial(map_names, names=asked))
