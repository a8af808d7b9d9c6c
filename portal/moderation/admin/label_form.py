"""The form of one label, and the lines below it: which detectors' words mean it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminTextInputWidget

from portal.images.models import DetectorName, Label
from portal.moderation.admin.refusing import RefusableForm
from portal.moderation.models import VocabularyChange
from portal.moderation.vocabulary.block import block, unblock
from portal.moderation.vocabulary.changing import Wish
from portal.moderation.vocabulary.describe import describe
from portal.moderation.vocabulary.rename import rename
from portal.moderation.vocabulary.threshold import hide_below

Asking = Callable[[Wish], VocabularyChange]


class LabelForm(RefusableForm):
    """All that the vocabulary says of a label."""

    words = forms.CharField(
        label="Aliases",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Other words that it is found by, with commas between them.",
    )

    class Meta:
        model = Label
        fields = ("display_name", "parent", "category", "blocked", "shown_from")

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.initial["words"] = ", ".join(self.instance.aliases)

    def verbs(self) -> list[Asking]:
        """What is asked for by what was changed in the form."""
        pk, given, changed = self.instance.pk, self.cleaned_data, set(self.changed_data)
        verbs: list[Asking] = []
        if "display_name" in changed:
            verbs.append(partial(rename, pk=pk, title=given["display_name"]))
        if changed & {"parent", "category", "words"}:
            parent = given["parent"].pk if given["parent"] else None
            words = given["words"].split(",")
            verbs.append(partial(describe, pk=pk, parent=parent, category=given["category"], aliases=words))
        if "blocked" in changed:
            verbs.append(partial(block if given["blocked"] else unblock, pks=[pk]))
        if "shown_from" in changed:
            verbs.append(partial(hide_below, pk=pk, percent=given["shown_from"]))
        return verbs


class MeaningInline(TabularInline):  # type: ignore[misc]
    """Which detectors' words mean this label."""

    model = DetectorName
    fk_name = "meaning"
    fields = ("detector", "label")
    autocomplete_fields = ("label",)
    extra = 0
    verbose_name = "detector’s word that means this label"
    verbose_name_plural = "detectors’ words that mean this label"
    tab = False


def mappings(formset: Any) -> dict[tuple[str, int], int | None]:
    """What the lines of the formset ask for: places that were left mean what detectors say again."""
    asked: dict[tuple[str, int], int | None] = {}
    for line in formset.forms:
        known = line.instance.pk is not None
        if known and (line.has_changed() or line in formset.deleted_forms):
            asked[line.initial["detector"], line.initial["label"]] = None
    for line in formset.forms:
        if line.has_changed() and line not in formset.deleted_forms:
            given = line.cleaned_data
            asked[given["detector"], given["label"].pk] = formset.instance.pk
    return asked
