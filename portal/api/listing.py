"""What the list of images may be asked for: the parameters of its address, read strictly."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from math import isfinite
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.http import QueryDict

from portal.accounts.models import User
from portal.api.problems import Problem
from portal.images.history import SHOWN_STATUSES, Cursor, Filters, Page, matching, page_after

MOST = 100
USUAL = 50
MOST_LABELS = 10
# Of whitespace only spaces: what else counts as such is another matter in each language.
WORDS = r" *([^\s\u0000-\u001f\u007f-\u009f\ufeff]+( +|$)){0,10}"
LONGEST_TEXT = 200
LONGEST_DETECTOR = 64
CURSOR = r"[0-9]{1,16}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,40})?([eE][+-]?\d{1,3})?", re.ASCII)
_LAST_ID = UUID(int=2**128 - 1)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Question:
    """A page of a person's images: which match, from and until which moment, after which, and how many."""

    filters: Filters
    since: datetime | None
    after: Cursor | None
    limit: int

    def page(self, owner: User) -> Page:
        page = page_after(matching(owner, self.filters), self.after, self.limit)
        if self.since is None:
            return page
        # The filters know whole days; the images are newest first, so those that are too old are the last.
        images = [image for image in page.images if image.created_at >= self.since]
        return Page(images, page.next if len(images) == len(page.images) else None)


def read_question(query: QueryDict) -> Question:
    """The question that an address asks. Raises Problem, naming every parameter that cannot be understood."""
    reader = _Reader(query)
    since = reader.one("since", _beginning)
    until = reader.one("until", _end)
    cursor = reader.one("cursor", _cursor)
    confidence = reader.one("min_confidence", percent)
    filters = Filters(
        q=reader.one("q", _words) or "",
        labels=reader.labels(),
        confidence=settings.SHOWN_CONFIDENCE if confidence is None else confidence,
        since=since.date() if since else None,
        status=reader.one("status", _status) or "",
        detector=reader.one("detector", _detector) or "",
    )
    limit = reader.one("limit", _limit) or USUAL
    reader.finish("label")
    return Question(filters, since, _earlier(cursor, until), limit)


def read_parameters(query: QueryDict, **readers: Callable[[str], Any]) -> dict[str, Any]:
    """The single-valued parameters that `readers` name, and no others. Raises Problem."""
    reader = _Reader(query)
    values = {name: reader.one(name, read) for name, read in readers.items()}
    reader.finish()
    return values


class _Reader:
    """Reads parameters one by one and remembers all that is wrong with them."""

    def __init__(self, query: QueryDict) -> None:
        self._query = query
        self._known: set[str] = set()
        self._errors: list[tuple[str, str]] = []

    def one(self, name: str, read: Callable[[str], _T]) -> _T | None:
        """None when it is not there, or wrong."""
        self._known.add(name)
        values = self._query.getlist(name)
        if len(values) > 1:
            self._errors.append((name, "Name it once."))
        elif values:
            try:
                return read(_text(values[0]))
            except ValueError as error:
                self._errors.append((name, str(error)))
        return None

    def labels(self) -> tuple[str, ...]:
        names = list(dict.fromkeys(self._query.getlist("label")))
        try:
            if len(names) > MOST_LABELS:
                raise ValueError(f"At most {MOST_LABELS} labels can be asked for at once.")
            return tuple(label_name(_text(name)) for name in names)
        except ValueError as error:
            self._errors.append(("label", str(error)))
            return ()

    def finish(self, *also: str) -> None:
        """Raises Problem when anything was wrong."""
        unknown = sorted(set(self._query) - self._known - set(also))
        errors = [*self._errors, *((name[:100], "There is no such parameter.") for name in unknown)]
        if errors:
            names = ", ".join(f"“{name}”" for name, _ in errors)
            raise Problem("invalid_request", f"Not understood in the address: {names}.", errors=tuple(errors))


def _text(value: str) -> str:
    if "\0" in value:
        raise ValueError("It must not hold NUL.")
    return value


def label_name(value: str) -> str:
    """Raises ValueError for what no label is called."""
    if not value or len(value) > LONGEST_TEXT:
        raise ValueError(f"A label is a name of 1 to {LONGEST_TEXT} characters.")
    return value


def _detector(value: str) -> str:
    if not value or len(value) > LONGEST_DETECTOR:
        raise ValueError(f"A detector is a name of 1 to {LONGEST_DETECTOR} characters.")
    return value


def _words(value: str) -> str:
    if len(value) > LONGEST_TEXT:
        raise ValueError(f"At most {LONGEST_TEXT} characters can be searched for.")
    if not re.fullmatch(WORDS, value):
        raise ValueError("It must be at most 10 words with spaces between them.")
    return value


def _status(value: str) -> str:
    if value not in SHOWN_STATUSES:
        raise ValueError(f"It must be one of {', '.join(SHOWN_STATUSES)}.")
    return value


def percent(value: str) -> float:
    """A number from 0 to 100. Raises ValueError."""
    number = float(value) if _NUMBER.fullmatch(value) else -1.0
    if not (isfinite(number) and 0 <= number <= 100):
        raise ValueError("It must be a number from 0 to 100.")
    return number


def whole_number(value: str, least: int, most: int) -> int:
    """Raises ValueError for anything but a whole number from `least` to `most`."""
    number = int(value) if value.isascii() and value.isdigit() and len(value) <= 9 else least - 1
    if not least <= number <= most:
        raise ValueError(f"It must be a whole number from {least} to {most}.")
    return number


def _limit(value: str) -> int:
    return whole_number(value, 1, MOST)


def _cursor(value: str) -> Cursor:
    if not re.fullmatch(CURSOR, value):
        raise ValueError("It must be the “next” of another answer.")
    return Cursor.parse(value)


def _beginning(value: str) -> datetime:
    return _moment(value, time.min)


def _end(value: str) -> datetime:
    return _moment(value, time.max)


def _moment(value: str, of_day: time) -> datetime:
    """A date stands for its first or last moment, in UTC."""
    try:
        if _DATE.fullmatch(value):
            return datetime.combine(date.fromisoformat(value), of_day, tzinfo=UTC)
        if _MOMENT.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (OverflowError, ValueError):
        pass
    raise ValueError("It must be a date like 2026-12-31 or a moment like 2026-12-31T23:59:59Z.")


def _earlier(cursor: Cursor | None, until: datetime | None) -> Cursor | None:
    """Where the page begins: after the cursor, and not with anything newer than `until`."""
    if until is None:
        return cursor
    limit = Cursor(until, _LAST_ID)
    return min(cursor, limit, key=_place) if cursor else limit


def _place(cursor: Cursor) -> tuple[datetime, Any]:
    return cursor.created_at, cursor.image_id
