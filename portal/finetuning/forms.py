"""What a new dataset is to be."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from portal.finetuning.candidates import box_counts
from portal.finetuning.models import DatasetSnapshot
from portal.images.workers import by_lambda
from portal.moderation.words import Vocabulary

DEFAULT_SPLIT = "80/10/10"


class SplitError(ValueError):
    """Three shares were not given as they must be; says so to people."""


def read_split(text: str) -> tuple[int, int]:
    """The percentages for validation and test of "80/10/10" (training/validation/test). Raises SplitError."""
    match = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*/\s*(\d+)\s*", text)
    shares = [int(share) for share in match.groups()] if match else []
    if sum(shares) != 100 or not shares[0]:
        raise SplitError(
            "Give three whole percentages that make 100, for training, validation and test, like 80/10/10."
        )
    return shares[1], shares[2]


class SnapshotForm(forms.ModelForm):  # type: ignore[type-arg]
    """Labels with how many boxes there are of each, and how they are to be divided."""

    labels = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all of them. Only boxes that people approved, corrected or drew are counted.",
    )
    split = forms.CharField(
        initial=DEFAULT_SPLIT,
        label="Percent for training/validation/test",
        help_text="Pictures that look alike always come together.",
        widget=UnfoldAdminTextInputWidget,
    )

    class Meta:
        model = DatasetSnapshot
        fields = ("name", "labels", "minimum", "split", "licence", "with_images")
        widgets = {
            "name": UnfoldAdminTextInputWidget,
            "minimum": UnfoldAdminIntegerFieldWidget,
            "licence": UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        counts = box_counts(Vocabulary.load())
        self.fields["labels"].choices = [  # type: ignore[attr-defined]
            (label, f"{label} ({boxes:,})") for label, boxes in sorted(counts.items(), key=lambda item: item[0].lower())
        ]
        if by_lambda():
            # Nothing there can turn originals upright.
            self.fields["with_images"].help_text = "As their previews, of at most 1,600 pixels."

    def clean_split(self) -> str:
        text: str = self.cleaned_data["split"]
        try:
            read_split(text)
        except SplitError as error:
            raise forms.ValidationError(str(error)) from error
        return text

    def asked_for(self) -> DatasetSnapshot:
        """The snapshot as the form says, not stored yet. The form must be valid."""
        snapshot: DatasetSnapshot = self.instance
        snapshot.labels = self.cleaned_data["labels"]
        snapshot.validation_percent, snapshot.test_percent = read_split(self.cleaned_data["split"])
        return snapshot
