"""What is to be trained."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from portal.finetuning import beginning, starts
from portal.finetuning.models import DatasetSnapshot, ModelVersion, Place, SnapshotState

STEPS, MOST_STEPS = 600, 100_000
# A network halves its picture five times.
SIDE_STEP, LARGEST_SIDE = 32, 1280


class DatasetField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """One of the datasets that are ready, with what is in it."""

    def label_from_instance(self, obj: DatasetSnapshot) -> str:
        images = obj.card["counts"]["images"]
        return f"{obj}: {images:,} image{'' if images == 1 else 's'} of {len(obj.categories)} labels"


class VersionForm(forms.ModelForm):  # type: ignore[type-arg]
    """A dataset, what to start from, and how long to learn."""

    # The theme takes a field called "dataset" for something of its own.
    snapshot = DatasetField(
        DatasetSnapshot.objects.filter(state=SnapshotState.READY),
        empty_label=None,
        label="Dataset",
        widget=UnfoldAdminSelectWidget,
        help_text="What people approved, corrected and drew. It needs images to train on, to validate and to test.",
    )
    start = forms.ChoiceField(widget=forms.RadioSelect, label="Start from")
    steps = forms.IntegerField(
        min_value=10,
        max_value=MOST_STEPS,
        initial=STEPS,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Batches to learn from. It ends sooner when it gets no better.",
    )
    side = forms.IntegerField(
        required=False,
        min_value=SIDE_STEP,
        max_value=LARGEST_SIDE,
        step_size=SIDE_STEP,
        label="Picture size",
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Pixels of the square that photos are brought to, a multiple of 32. Empty: as what it starts from.",
    )

    class Meta:
        model = ModelVersion
        fields = ("name", "snapshot", "start", "steps", "side", "place")
        widgets = {"name": UnfoldAdminTextInputWidget, "place": forms.RadioSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = starts.choices()
        titles = [(each.value, f"{each.title}. {each.words} It takes {each.minutes_hint}.") for each in known]
        self.fields["start"].choices = titles  # type: ignore[attr-defined]
        self.fields["start"].initial = known[0].value
        self.fields["name"].initial = "detector"
        obstacles = {Place.HERE: beginning.can_train_here(), Place.SAGEMAKER: beginning.can_train_on_sagemaker()}
        able = [place for place in Place if not obstacles[place]]
        self.fields["place"].choices = [(place.value, place.label) for place in able]  # type: ignore[attr-defined]
        self.fields["place"].initial = able[0] if able else None
        self.fields["place"].help_text = " ".join(words for words in obstacles.values() if words)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        snapshot = values.get("snapshot")
        if snapshot is not None and (why := beginning.unfit(snapshot)):
            self.add_error("snapshot", why)
        return values

    def asked_for(self) -> ModelVersion:
        """The version as the form says, not stored yet. The form must be valid."""
        version: ModelVersion = self.instance
        version.dataset, version.start = self.cleaned_data["snapshot"], self.cleaned_data["start"]
        version.options = {name: self.cleaned_data[name] for name in ("steps", "side") if self.cleaned_data[name]}
        return version
