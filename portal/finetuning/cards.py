"""The data card: what a dataset holds, who made it, under which terms, and what to be careful about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from portal.finetuning.models import DatasetSnapshot
from portal.finetuning.splitting import Split

SCHEMA = "imagesift.dataset-card/1"

_AT_ONCE = 2000
# Below this, figures of a class say little.
_FEW_BOXES = 10
_IMBALANCE = 20


def make_card(snapshot: DatasetSnapshot, identical: int | None = None) -> dict[str, Any]:
    """The card of the snapshot as its rows are now; `identical` copies were left out of it."""
    counted = _counted(snapshot)
    known = snapshot.card.get("counts", {}).get("identical_left_out", 0)
    copies = known if identical is None else identical
    return {
        "schema": SCHEMA,
        "name": snapshot.name,
        "version": snapshot.version,
        "made_at": snapshot.made_at.isoformat(),
        "author": snapshot.author_name,
        "licence": snapshot.licence,
        "labels_asked_for": snapshot.labels,
        "minimum": snapshot.minimum,
        "split_percent": {
            Split.TRAIN: snapshot.train_percent,
            Split.VALIDATION: snapshot.validation_percent,
            Split.TEST: snapshot.test_percent,
        },
        "salt": snapshot.salt,
        "near_duplicate_distance": snapshot.distance,
        "counts": {**counted.totals, "identical_left_out": copies},
        "splits": [_split(counted, split) for split in Split],
        "classes": [_class(counted, category["name"]) for category in snapshot.categories],
        "warnings": list(_warnings(snapshot, counted, copies)),
        "images_removed": snapshot.images_removed,
        "changed_at": snapshot.changed_at.isoformat() if snapshot.changed_at else None,
    }


@dataclass
class _Counted:
    images: Counter[str] = field(default_factory=Counter)
    negatives: Counter[str] = field(default_factory=Counter)
    boxes: Counter[tuple[str, str]] = field(default_factory=Counter)
    images_with: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    groups: Counter[str] = field(default_factory=Counter)
    incomplete: int = 0

    @property
    def totals(self) -> dict[str, Any]:
        return {
            "images": self.images.total(),
            "negatives": self.negatives.total(),
            "boxes": self.boxes.total(),
            "boxes_by_state": dict(sorted(self.states.items())),
            "incomplete_images": self.incomplete,
            "near_duplicates": self.images.total() - len(self.groups),
        }

    def of_split(self, split: str) -> int:
        return sum(boxes for (_, place), boxes in self.boxes.items() if place == split)


def _counted(snapshot: DatasetSnapshot) -> _Counted:
    counted = _Counted()
    columns = ("split", "group_key", "is_negative", "is_complete", "annotations")
    for split, group, is_negative, is_complete, boxes in snapshot.images.values_list(*columns).iterator(_AT_ONCE):
        counted.images[split] += 1
        counted.groups[group] += 1
        counted.negatives[split] += is_negative
        counted.incomplete += not is_complete
        for each in boxes:
            counted.boxes[each["label"], split] += 1
            counted.states[each["state"]] += 1
        counted.images_with.update({each["label"] for each in boxes})
    return counted


def _split(counted: _Counted, split: Split) -> dict[str, Any]:
    images = counted.images[split]
    return {
        "split": split,
        "images": images,
        "negatives": counted.negatives[split],
        "boxes": counted.of_split(split),
        "percent": _percent(images, counted.images.total()),
    }


def _class(counted: _Counted, label: str) -> dict[str, Any]:
    boxes = {split.value: counted.boxes[label, split] for split in Split}
    total = sum(boxes.values())
    return {
        "label": label,
        "boxes": total,
        "images": counted.images_with[label],
        "percent": _percent(total, counted.boxes.total()),
        **boxes,
    }


def _percent(part: int, of: int) -> float:
    return round(100 * part / of, 1) if of else 0.0


def _warnings(snapshot: DatasetSnapshot, counted: _Counted, copies: int) -> Iterator[str]:
    met = snapshot.tally.get("met", {})
    for label, boxes in sorted(snapshot.tally.get("left_out", {}).items()):
        yield f"“{label}” was left out: it has {boxes:,} of the {snapshot.minimum:,} boxes asked for."
    if counted.incomplete:
        yield (
            f"{counted.incomplete:,} images with boxes are not complete: things may be in them that nobody has marked,"
            " and that count as background in training."
        )
    if labels := met.get("labels_without_box"):
        yield f"{labels:,} images have a label of this dataset for the whole image without a box."
    if unusable := met.get("unusable"):
        yield f"{unusable:,} images were not used: labels of this dataset are in them, but without any box."
    if not counted.negatives.total():
        yield "There are no negatives: no image is complete without any of these labels."
    if without := met.get("without_hash"):
        yield f"{without:,} images have no perceptual hash, so that only identical files are known as their copies."
    if copies:
        yield f"{copies:,} images were left out, as the same file is in the dataset already."
    yield from _about_classes(snapshot, counted)
    if not snapshot.licence:
        yield "No licence was noted: find out whether these images may be used for what you have in mind."


def _about_classes(snapshot: DatasetSnapshot, counted: _Counted) -> Iterator[str]:
    classes = [_class(counted, category["name"]) for category in snapshot.categories]
    percents = (
        (Split.TRAIN, snapshot.train_percent),
        (Split.VALIDATION, snapshot.validation_percent),
        (Split.TEST, snapshot.test_percent),
    )
    for each in classes:
        if each["boxes"] < max(1, snapshot.minimum):
            yield f"“{each['label']}” has only {each['boxes']:,} boxes, less than asked for."
        for split, percent in percents:
            if percent and not each[split]:
                yield f"“{each['label']}” has no box in the {split} split."
        if each["boxes"] < _FEW_BOXES:
            yield f"“{each['label']}” has fewer than {_FEW_BOXES} boxes: what is learnt or measured of it says little."
    most, least = (choose((each["boxes"] for each in classes), default=0) for choose in (max, min))
    if least and most > _IMBALANCE * least:
        yield f"The classes are unbalanced: the largest has {most / least:,.0f} times the boxes of the smallest."
