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
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import QueryDict

from portal.accounts.models import User
from portal.images.models import DetectedLabel, Image, Label, Status

PAGE_SIZE = 48
COUNTED_AT_MOST = 1_000
_MOST_LABELS = 10
_MOST_TERMS = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# An image whose file has not arrived is the upload page's business: there is nothing to look at yet.
SHOWN_STATUSES = tuple(status for status in Status if status is not Status.AWAITING_UPLOAD)


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
    return Image.objects.filter(owner=owner, status__in=SHOWN_STATUSES).order_by("-created_at", "-id")


def matching(owner: User, filters: Filters) -> QuerySet[Image]:
    """The person's images that match all of the filters, newest first. Only the current recognition counts."""
    found = own_images(owner)
    if filters.status:
        found = found.filter(status=filters.status)
    if filters.since:
        found = found.filter(created_at__gte=_midnight(filters.since))
    if filters.until:
        found = found.filter(created_at__lt=_midnight(filters.until) + timedelta(days=1))
    for term in filters.terms:
        # Images that were not recognised yet have no search text: their names count from the start.
        found = found.filter(Q(search_text__contains=term) | Q(filename__icontains=term))
    return _with_labels(found, filters)


def _with_labels(found: QuerySet[Image], filters: Filters) -> QuerySet[Image]:
    """Subqueries instead of joins: an image with a label twice stays one row."""
    detected = DetectedLabel.objects.filter(recognition=OuterRef("current"), confidence__gte=filters.confidence)
    if filters.detector:
        detected = detected.filter(detector=filters.detector)
    if filters.detector and not filters.labels:
        found = found.filter(Exists(detected))
    for ids in _label_ids(filters.labels):
        found = found.filter(Exists(detected.filter(label__in=ids)))
    return found


def _label_ids(names: tuple[str, ...]) -> list[list[int]]:
    """For each name the labels written so, whatever the case of the letters; one query for all."""
    if not names:
        return []
    anyone = Q()
    for name in names:
        anyone |= Q(name__iexact=name)
    known = list(Label.objects.filter(anyone).values_list("id", "name"))
    return [[pk for pk, written in known if written.lower() == name.lower()] for name in names]


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
        older = Q(created_at__lt=self.created_at) | Q(created_at=self.created_at, id__lt=self.image_id)
        # The first condition is implied by the second; it is what lets a database begin in the middle of the index.
        return images.filter(older, created_at__lte=self.created_at)


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


@dataclass(frozen=True, slots=True)
class LabelCount:
    name: str
    images: int


def label_counts(owner: User, confidence: float) -> list[LabelCount]:
    """How many of the person's images carry each label at `confidence` percent or more, commonest first."""
    rows = (
        _current_labels(owner, confidence)
        .values("label__name")
        .annotate(images=Count("recognition", distinct=True))
        .order_by("-images", "label__name")
    )
    return [LabelCount(row["label__name"], row["images"]) for row in rows]


def detector_names(owner: User, confidence: float) -> list[str]:
    """The detectors that gave the person's images a label at `confidence` percent or more."""
    return sorted(_current_labels(owner, confidence).order_by().values_list("detector", flat=True).distinct())


def _current_labels(owner: User, confidence: float) -> QuerySet[DetectedLabel]:
    current = own_images(owner).order_by().filter(current__isnull=False).values("current")
    return DetectedLabel.objects.filter(recognition__in=current, confidence__gte=confidence)
