"""What the words of detectors and people mean, as the vocabulary says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.db.models import Q

from portal.images.models import DetectorName, Label

# A label of which the vocabulary says nothing: it means itself.
_PLAIN: dict[str, Any] = {
    "display_name": "",
    "parent": None,
    "category": "",
    "aliases": [],
    "blocked": False,
    "shown_from": None,
    "merged_into": None,
}
_RULED = reduce(or_, (~Q(**{field: plain}) for field, plain in _PLAIN.items()))


@dataclass(frozen=True, slots=True)
class Word:
    """A label as people read it. `name` is the label's own; parents, categories and aliases are None where the
    vocabulary leaves them to the detector."""

    title: str
    name: str
    shown_from: float | None = None
    parents: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None
    aliases: tuple[str, ...] | None = None

    @property
    def key(self) -> str:
        """By which it is known: titles that differ in nothing but the case of letters are one."""
        return self.title.lower()

    def is_shown(self, confidence: float) -> bool:
        """Whether a prediction of so many percent is shown as long as nobody chose another threshold."""
        return confidence >= (settings.SHOWN_CONFIDENCE if self.shown_from is None else self.shown_from)


class Vocabulary:
    """The rules of all words. Words that it says nothing of mean themselves."""

    def __init__(self, labels: Mapping[str, Label], meanings: Mapping[tuple[str, str], str]) -> None:
        """`labels` by their names, with `parent` and `merged_into` loaded; `meanings` by detector and name."""
        self._labels = labels
        self._meanings = meanings
        self._known: dict[tuple[str, str], Word | None] = {}

    @classmethod
    def load(cls) -> Vocabulary:
        """The rules as they are now, in two queries."""
        ruled = Label.objects.filter(_RULED).select_related("parent", "merged_into").order_by()
        meant = DetectorName.objects.order_by().values_list("detector", "label__name", "meaning__name")
        return cls(
            {label.name: label for label in ruled},
            {(detector, name): meaning for detector, name, meaning in meant},
        )

    def meant(self, name: str, detector: str) -> str:
        """The name of our label that `detector` means by `name`, whatever has become of that label since."""
        return self._meanings.get((detector, name), name)

    def word(self, name: str, detector: str) -> Word | None:
        """What `name` means when `detector` says it; None when it is blocked."""
        key = (name, detector)
        if key not in self._known:
            self._known[key] = self._word(self.meant(name, detector))
        return self._known[key]

    def _word(self, name: str) -> Word | None:
        name = self._merged(name)
        label = self._labels.get(name)
        if label is None:
            return Word(name, name)
        if label.blocked:
            return None
        return Word(
            title=label.title,
            name=name,
            shown_from=label.shown_from,
            parents=self._parents(name) or None,
            categories=(label.category,) if label.category else None,
            aliases=tuple(label.aliases) or None,
        )

    def _merged(self, name: str) -> str:
        """What the label is merged into, to the end; a ring ends where it closes."""
        passed = set[str]()
        while name not in passed:
            passed.add(name)
            label = self._labels.get(name)
            if label is None or label.blocked or label.merged_into is None:
                break
            name = label.merged_into.name
        return name

    def _parents(self, name: str) -> tuple[str, ...]:
        """The titles of all that it is a kind of, the nearest first."""
        titles = list[str]()
        passed = {name}
        while (label := self._labels.get(name)) is not None and label.parent is not None:
            name = self._merged(label.parent.name)
            if name in passed:
                break
            passed.add(name)
            above = self._labels.get(name)
            if above is None or not above.blocked:
                titles.append(name if above is None else above.title)
        return tuple(titles)
