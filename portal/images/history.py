"""A person's history: which of their images match the filters, newest first, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.http import QueryDict

from portal.accounts.models import User
from portal.images.models import CurrentLabel, Image, Status
from portal.moderation.finding import resolve_titles

PAGE_SIZE = 48
COUNTED_AT_MOST = 1_000
_MOST_LABELS = 10
_MOST_TERMS = 10
# So many of the newest images with a label say how rare it is.
_PROBED = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# An image whose file has not arrived is the upload page's business: there is nothing to look at yet.
SHOWN_STATUSES = tuple(status for status in Status if status is not Status.AWAITING_UPLOAD)
_SHOWN = ~Q(status=Status.AWAITING_UPLOAD)


def _default_confidence() -> float:
    return float(settings.SHOWN_CONFIDENCE)


class _FilterForm(forms.Form):
    """Reads the single-valued parameters; its messages say what was wrong and what happens instead."""

    q = forms.CharField(
        required=False,
        max_length=200,
        error_messages={"max_length": "The search is too long: use at most 200 characters."},
    )
    confidence = forms.FloatField(
        required=False,
        min_value=0,
        max_value=100,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"), "The confidence must be a number from 0 to 100."
        ),
    )
    since = forms.DateField(required=False, input_formats=["%Y-%m-%d"])
    until = forms.DateField(
        required=False, input_formats=["%Y-%m-%d"], validators=[MaxValueValidator(date(9999, 12, 30))]
    )
    status = forms.ChoiceField(required=False, choices=[(status.value, status.label) for status in SHOWN_STATUSES])
    detector = forms.CharField(required=False, max_length=64)

    _sentences = {
        "since": "The first day must be a date like 2026-12-31.",
        "until": "The last day must be a date like 2026-12-31.",
        "status": "There is no such state of an image.",
        "detector": "There is no detector with such a name.",
    }

    def sentence(self, name: str) -> str:
        """Why the value of the field `name` was not taken."""
        return self._sentences.get(name) or str(self.errors[name][0])


@dataclass(frozen=True, slots=True)
class Filters:
    """What the person asked to see. `confidence` in percent; `since` and `until` are whole days (UTC), inclusive.

    `problems` says in sentences which parameters could not be understood; those fields keep their defaults.
    """

    q: str = ""
    labels: tuple[str, ...] = ()
    confidence: float = field(default_factory=_default_confidence)
    since: date | None = None
    until: date | None = None
    status: str = ""
    detector: str = ""
    problems: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def parse(cls, query: QueryDict) -> Filters:
        """Read the parameters of an address or a form. Never raises: a bad value becomes a problem."""
        form = _FilterForm(query)
        form.is_valid()
        problems = [f"{form.sentence(name)} It was ignored." for name in form.errors]
        labels, label_problems = _parse_labels(query.getlist("label"))
        values = {name: value for name, value in form.cleaned_data.items() if value not in ("", None)}
        if len(values.get("q", "").split()) > _MOST_TERMS:
            problems.append(f"Only the first {_MOST_TERMS} words of the search are used.")
        since, until = values.get("since"), values.get("until")
        if since and until and since > until:
            problems.append("The first day comes after the last day, so nothing can match.")
        return cls(labels=labels, problems=(*problems, *label_problems), **values)

    @property
    def active(self) -> bool:
        """Whether anything but the confidence is asked for; that alone hides labels and no image."""
        return any(name not in ("confidence", "problems") and getattr(self, name) for name in self.__slots__)

    @property
    def terms(self) -> list[str]:
        return self.q.lower().split()[:_MOST_TERMS]

    def parameters(self) -> list[tuple[str, str]]:
        """The address parameters that parse to these filters, defaults left out."""
        values: list[tuple[str, Any]] = [("q", self.q), *(("label", label) for label in self.labels)]
        if self.confidence != _default_confidence():
            values.append(("confidence", f"{self.confidence:g}"))
        values += [("since", self.since), ("until", self.until), ("status", self.status), ("detector", self.detector)]
        return [(name, str(value)) for name, value in values if value not in ("", None)]

    def query_string(self, **extra: str) -> str:
        return urlencode([*self.parameters(), *extra.items()])

    def without(self, name: str, value: str = "") -> Filters:
        """The same filters less one; for `labels`, less the label `value`."""
        if name == "labels":
            return replace(self, labels=tuple(label for label in self.labels if label != value))
        defaults = Filters()
        return replace(self, **{f.name: getattr(defaults, f.name) for f in fields(self) if f.name == name})


def _parse_labels(values: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """Label names without repetition, and sentences on those that cannot be names."""
    clean = forms.CharField(required=False, max_length=200).clean
    names: dict[str, None] = {}
    problems = []
    for value in values:
        try:
            if name := clean(value):
                names[name] = None
        except ValidationError:
            problems.append("No label has such a name. It was ignored.")
    if len(names) > _MOST_LABELS:
        problems.append(f"Only the first {_MOST_LABELS} labels are used.")
    return tuple(names)[:_MOST_LABELS], problems


def own_images(owner: User) -> QuerySet[Image]:
    """Everything in the person's history, newest first."""
    # Not "in one of these states": a database would read each state by its index, and sort all of them.
    return Image.objects.filter(_SHOWN, owner=owner).order_by("-created_at", "-id")


def matching(owner: User, filters: Filters) -> QuerySet[Image]:
    """The person's images that match all of the filters, newest first. What is true of them now counts: what people
    said, and the current recognition where nobody said anything. A label is found by its aliases and other names too.
    """
    wanted = _rarest_first(owner, _wanted_labels(filters))
    found, moment = own_images(owner), "created_at"
    # Few images are in any other state, and fewer of them have a label.
    if wanted and filters.status in ("", Status.RECOGNIZED):
        found, moment = _images_with(owner, wanted.pop(0)), "found_at"
    if filters.status:
        found = found.filter(status=filters.status)
    if filters.since:
        found = found.filter(**{f"{moment}__gte": _midnight(filters.since)})
    if filters.until:
        found = found.filter(**{f"{moment}__lt": _midnight(filters.until) + timedelta(days=1)})
    for label in wanted:
        # Not by its owner as well: that would be the long way, through all images with the label.
        found = found.filter(Exists(CurrentLabel.objects.filter(image=OuterRef("pk"), **label)))
    for term in filters.terms:
        # Images that were not recognised yet have no search text: their names count from the start.
        found = found.filter(Q(search_text__contains=term) | Q(filename__icontains=term))
    return found


def _wanted_labels(filters: Filters) -> list[dict[str, Any]]:
    """What `CurrentLabel` an image must have, one of each; no image has two that are alike. At most one query."""
    sure = {"confidence__gte": filters.confidence}
    if not filters.labels:
        return [{**sure, "detector": filters.detector, "surest_of_detector": True}] if filters.detector else []
    whose = {"detector": filters.detector} if filters.detector else {"surest_of_name": True}
    names = dict.fromkeys(title.lower() for title in resolve_titles(filters.labels))
    return [{**sure, **whose, "name": name} for name in names]


def _rarest_first(owner: User, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In the order in which the fewest images are looked at; one query for all."""
    if len(wanted) < 2:
        return wanted
    # The further back one must go for so many images, the rarer they are.
    probes = [
        Subquery(
            CurrentLabel.objects.filter(owner=owner, **label)
            .order_by("-created_at", "-image_id")
            .values("created_at")[_PROBED : _PROBED + 1]
        )
        for label in wanted
    ]
    reached = User.objects.filter(pk=owner.pk).values_list(*probes).get()
    return [label for _, label in sorted(zip(reached, wanted, strict=True), key=lambda pair: pair[0] or _EPOCH)]


def _images_with(owner: User, label: dict[str, Any]) -> QuerySet[Image]:
    """Read from the labels' index in its order, so that a page of a million images is as short a way as one of ten."""
    given = {f"current_labels__{name}": value for name, value in label.items()}
    images = Image.objects.filter(_SHOWN, current_labels__owner=owner, **given)
    images = images.alias(found_at=F("current_labels__created_at"), found_id=F("current_labels__image_id"))
    return images.order_by("-found_at", "-found_id")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last image of a page: the next page begins after it, however many came in above meanwhile."""

    created_at: datetime
    image_id: UUID

    @classmethod
    def of(cls, image: Image) -> Cursor:
        return cls(image.created_at, image.id)

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Raises ValueError for anything that `str()` of a cursor did not make."""
        microseconds, _, image_id = text.partition("-")
        try:
            return cls(_EPOCH + timedelta(microseconds=int(microseconds)), UUID(image_id))
        except OverflowError as error:
            raise ValueError(text) from error

    def __str__(self) -> str:
        return f"{(self.created_at - _EPOCH) // timedelta(microseconds=1)}-{self.image_id}"

    def after(self, images: QuerySet[Image]) -> QuerySet[Image]:
        """Those of `images` that follow, by the columns that they are in the order of."""
        moment, image = (str(column).removeprefix("-") for column in images.query.order_by)
        older = Q(**{f"{moment}__lt": self.created_at}) | Q(**{moment: self.created_at, f"{image}__lt": self.image_id})
        # The first condition is implied by the second; it is what lets a database begin in the middle of the index.
        return images.filter(older, **{f"{moment}__lte": self.created_at})


@dataclass(frozen=True, slots=True)
class Page:
    """Up to a page of images, and where the next page begins; None at the end."""

    images: list[Image]
    next: Cursor | None


def page_after(images: QuerySet[Image], cursor: Cursor | None, size: int = PAGE_SIZE) -> Page:
    """The page of `images` (newest first) that follows `cursor`, or the first."""
    rows = list((cursor.after(images) if cursor else images)[: size + 1])
    return Page(rows[:size], Cursor.of(rows[size - 1]) if len(rows) > size else None)


def in_pages(images: QuerySet[Image], size: int) -> Iterator[list[Image]]:
    """All of `images`, a page at a time: no more than a page in memory and no transaction kept open between."""
    cursor: Cursor | None = None
    while True:
        page = page_after(images, cursor, size)
        yield page.images
        if page.next is None:
            return
        cursor = page.next


def bounded_count(images: QuerySet[Image]) -> int:
    """How many there are, counted up to one more than COUNTED_AT_MOST."""
    return images.order_by()[: COUNTED_AT_MOST + 1].count()
