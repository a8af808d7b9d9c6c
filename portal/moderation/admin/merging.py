"""The page between choosing labels and merging them: what will happen, and into which."""

from __future__ import annotations

from typing import Any, cast
from uuid import uuid4

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminRadioSelectWidget

from portal.accounts.models import User
from portal.images.models import DetectedLabel, Label
from portal.moderation.deeds import Refused
from portal.moderation.vocabulary.changing import CHANGE_WORDS, Wish
from portal.moderation.vocabulary.merge import merge

_MOST_LABELS = 50
_COUNTED_AT_MOST = 20_000


class MergeForm(forms.Form):
    """Which of the chosen labels stays, or another one. `wish` makes sending it twice one merge."""

    wish = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    target = forms.ModelChoiceField(
        Label.objects.none(), required=False, label="Into", widget=UnfoldAdminRadioSelectWidget, empty_label=None
    )
    other = forms.ModelChoiceField(Label.objects.filter(merged_into=None), required=False, label="Or into another one")

    def __init__(self, chosen: list[Label], *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.chosen = chosen
        self.fields["target"].queryset = Label.objects.filter(  # type: ignore[attr-defined]
            pk__in=[label.pk for label in chosen]
        )
        field = cast(Any, Label._meta.get_field("merged_into"))
        widget = AutocompleteSelect(field, admin.site)
        self.fields["other"].widget, widget.choices = widget, self.fields["other"].choices  # type: ignore[attr-defined]
        if len(chosen) == 1:
            del self.fields["target"]
            self.fields["other"].label = "Into"

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if bool(data.get("target")) == bool(data.get("other")):
            raise ValidationError("Choose one label to merge the others into.")
        return data

    def merge(self, actor: User) -> Any:
        """Raises Refused."""
        into = self.cleaned_data.get("target") or self.cleaned_data["other"]
        return merge(Wish(self.cleaned_data["wish"], actor), [label.pk for label in self.chosen], into.pk)


class MergePage:
    """GET shows what would happen, POST does it and leads to the progress of the images."""

    def __init__(self, labels: admin.ModelAdmin[Label]) -> None:
        self._labels = labels

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(CHANGE_WORDS):
            raise PermissionDenied
        chosen = _chosen(request.GET.get("labels", ""))
        form = MergeForm(chosen, request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                change = form.merge(cast(User, request.user))
            except Refused as refusal:
                form.add_error(None, refusal.message)
            else:
                return HttpResponseRedirect(reverse("moderation:change", args=[change.pk]))
        context = {
            **self._labels.admin_site.each_context(request),
            "title": "Merge labels",
            "opts": Label._meta,
            "media": self._labels.media + form.media,
            "form": form,
            "chosen": chosen,
            "images": images_with(chosen),
        }
        return TemplateResponse(request, "admin/moderation/merge.html", context)


def _chosen(text: str) -> list[Label]:
    pks = [int(pk) for pk in text.split(",") if pk.isdecimal()][:_MOST_LABELS]
    return list(Label.objects.filter(pk__in=pks).select_related("merged_into"))


def images_with(labels: list[Label]) -> str:
    """Of how many images a detector says one of them now, in words, and no more counted than is needed to say it."""
    said = DetectedLabel.objects.filter(label__in=labels, recognition__image__current=F("recognition")).order_by()
    found = list(said.values_list("recognition", flat=True)[:_COUNTED_AT_MOST])
    images = f"{len(set(found)):,}"
    if len(found) == _COUNTED_AT_MOST:
        return f"more than {images} images"
    return "1 image" if images == "1" else f"{images} images"
