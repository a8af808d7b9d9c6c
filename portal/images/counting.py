"""What is in a person's images altogether: each label with how many images carry it, and who gave them labels."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count

from portal.accounts.models import User
from portal.images.models import CurrentLabel, Label


@dataclass(frozen=True, slots=True)
class LabelCount:
    name: str
    images: int


def label_counts(owner: User, confidence: float) -> list[LabelCount]:
    """How many of the person's images carry each label at `confidence` percent or more, commonest first."""
    rows = CurrentLabel.objects.filter(owner=owner, surest_of_name=True, confidence__gte=confidence)
    # The rows' titles are not in the index that counts them, and the vocabulary is short.
    counts: dict[str, int] = dict(rows.values_list("name").annotate(images=Count("*")).order_by())
    labels = Label.objects.only("name", "display_name", "merged_into")
    # Of titles that differ in the case of their letters alone, the last is taken: the first that is in use.
    ordered = sorted(labels, key=lambda label: (label.merged_into_id is not None, label.title), reverse=True)
    written = {label.title.lower(): label.title for label in ordered}
    found = [LabelCount(written.get(name, name), images) for name, images in counts.items()]
    return sorted(found, key=lambda count: (-count.images, count.name))


def detector_names(owner: User, confidence: float) -> list[str]:
    """The detectors that gave the person's images a label at `confidence` percent or more."""
    rows = CurrentLabel.objects.filter(owner=owner, surest_of_detector=True, confidence__gte=confidence)
    in_order = rows.order_by("detector").values_list("detector", flat=True)
    names: list[str] = []
    # From each to the next in the index: they are few, and their labels millions.
    while (name := in_order.filter(detector__gt=names[-1] if names else "").first()) is not None:
        names.append(name)
    return names
