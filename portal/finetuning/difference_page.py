"""What the pages show of a comparison: per class, and image by image those that this person may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet

from portal.accounts.models import User
from portal.finetuning.comparing_labels import Change, Counts, Kind
from portal.finetuning.deciding import PROMOTE
from portal.finetuning.difference_asking import IMAGES, MOST_IMAGES
from portal.finetuning.models import DifferenceImage, DifferenceRun, ModelVersion
from portal.finetuning.shadow_page import obstacle
from portal.images.models import Image
from portal.moderation.access import visible_images

PER_PAGE: Final = 12
_RUNS: Final = 5
# Of the longer side of a picture: the size of the numbers beside the boxes.
_NUMBER: Final = 0.04
_WORDS: Final[Mapping[Kind, str]] = {Kind.APPEARS: "appears", Kind.VANISHES: "vanishes", Kind.MOVES: "moves"}
KINDS: Final = tuple((kind.value, f"{_WORDS[kind].capitalize()}") for kind in Kind)


@dataclass(frozen=True, slots=True)
class Outline:
    """A box in pixels of the upright picture; `kind` is "before" where something was that moves."""

    kind: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Marked:
    """One change with its number in the picture, and what to draw of it."""

    number: int
    change: Change
    outlines: tuple[Outline, ...]

    @property
    def words(self) -> str:
        return f"{self.change.label} {_WORDS[self.change.kind]}"


@dataclass(frozen=True, slots=True)
class Shown:
    """An image with its changes. Numbers are `number_size` pixels high."""

    image: Image
    changes: tuple[Marked, ...]

    @property
    def number_size(self) -> float:
        return _NUMBER * max(self.image.width or 1, self.image.height or 1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters: a label's title and a kind of change, or "" for all."""

    label: str = ""
    kind: str = ""

    def takes(self, values: Mapping[str, Any]) -> bool:
        return self.label in ("", values["label"]) and self.kind in ("", values["kind"])


def section(version: ModelVersion, user: User) -> dict[str, Any]:
    """The context of `admin/finetuning/_difference.html`, under `difference`."""
    runs = list(version.difference_runs.select_related("candidate", "running")[:_RUNS])
    return {
        "run": runs[0] if runs else None,
        "earlier": runs[1:],
        "classes": classes(runs[0]) if runs else [],
        "obstacle": obstacle(version),
        "may": user.has_perm(PROMOTE),
        "images": IMAGES,
        "most_images": MOST_IMAGES,
    }


def classes(run: DifferenceRun) -> list[tuple[str, Counts]]:
    """How many boxes of each label change, those with the most changes first."""
    counts = [(label, Counts(**each)) for label, each in run.counts.items()]
    return sorted(counts, key=lambda each: (each[1].stays - each[1].together, each[0].lower()))


def changed(run: DifferenceRun) -> QuerySet[DifferenceImage]:
    """The images that would change."""
    return run.images.filter(size__gt=0)


def visible(run: DifferenceRun, user: User) -> QuerySet[DifferenceImage]:
    """Those of them that this person may see, those with the most changes first."""
    return changed(run).filter(image__in=visible_images(user)).order_by("-size", "pk")


def page(run: DifferenceRun, user: User, wanted: Wanted, number: str) -> Page[int]:
    """A page of the ids of rows that this person may see and that have a change that is wanted."""
    rows = visible(run, user).values_list("pk", "changes")
    ids = [pk for pk, changes in rows if any(wanted.takes(each) for each in changes)]
    return Paginator(ids, PER_PAGE).get_page(number)


def shown(ids: Sequence[int], wanted: Wanted) -> list[Shown]:
    """These rows in their order, with the changes that are wanted."""
    rows = DifferenceImage.objects.select_related("image").in_bulk(ids)
    return [_shown(rows[pk], wanted) for pk in ids if pk in rows]


def _shown(row: DifferenceImage, wanted: Wanted) -> Shown:
    changes = [Change.from_json(each) for each in row.changes if wanted.takes(each)]
    size = row.image.width or 1, row.image.height or 1
    marked = [Marked(number, change, _outlines(change, *size)) for number, change in enumerate(changes, start=1)]
    return Shown(row.image, tuple(marked))


def _outlines(change: Change, width: int, height: int) -> tuple[Outline, ...]:
    places = [(change.kind.value, change.box), ("before", change.before)]
    return tuple(
        Outline(
            kind,
            round(box.left * width, 1),
            round(box.top * height, 1),
            round(box.width * width, 1),
            round(box.height * height, 1),
        )
        for kind, box in places
        if box is not None
    )
