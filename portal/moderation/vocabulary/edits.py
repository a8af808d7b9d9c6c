"""What a change writes, as a document that can be kept, compared with what is there, and written back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from portal.images.models import DetectorName, Label
from portal.moderation.models import ContentThreshold


@dataclass(frozen=True, slots=True)
class Edits:
    """Values to be: of labels by their pk and column, of detectors' words, of content thresholds.

    `names` says what the label with a pk means when a detector says it; None: itself. `flags` holds the confidence of
    each category; None: the setting's.
    """

    labels: dict[int, dict[str, Any]] = field(default_factory=dict)
    names: dict[tuple[str, int], int | None] = field(default_factory=dict)
    flags: dict[str, float | None] = field(default_factory=dict)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Edits:
        return cls(
            {int(pk): values for pk, values in document["labels"].items()},
            {(detector, label): meaning for detector, label, meaning in document["names"]},
            document["flags"],
        )

    def document(self) -> dict[str, Any]:
        """As JSON, from which `of` makes the same edits."""
        return {
            "labels": {str(pk): values for pk, values in self.labels.items()},
            "names": [[detector, label, meaning] for (detector, label), meaning in self.names.items()],
            "flags": self.flags,
        }

    def present(self) -> Edits:
        """The values that the same places hold now: edits that bring them back."""
        labels = Label.objects.in_bulk(list(self.labels))
        names = DetectorName.objects.filter(label__in={label for _, label in self.names})
        meanings = {(name.detector, name.label_id): name.meaning_id for name in names}
        flags = dict(ContentThreshold.objects.filter(category__in=self.flags).values_list("category", "confidence"))
        return Edits(
            {pk: {column: getattr(labels[pk], column) for column in row} for pk, row in self.labels.items()},
            {place: meanings.get(place) for place in self.names},
            {category: flags.get(category) for category in self.flags},
        )

    def write(self) -> None:
        """Make it so."""
        for pk, row in self.labels.items():
            Label.objects.filter(pk=pk).update(**row)
        for (detector, label), meaning in self.names.items():
            place: dict[str, Any] = {"detector": detector, "label_id": label}
            if meaning is None:
                DetectorName.objects.filter(**place).delete()
            else:
                DetectorName.objects.update_or_create(**place, defaults={"meaning_id": meaning})
        for category, confidence in self.flags.items():
            if confidence is None:
                ContentThreshold.objects.filter(category=category).delete()
            else:
                ContentThreshold.objects.update_or_create(category=category, defaults={"confidence": confidence})
