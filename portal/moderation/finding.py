"""From words that people type to labels: by title, by name, by alias, and on to what a label was merged into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from django.db.models import Q

from portal.images.models import Label

# Rows to look through for one word: those that match, and those whose rules may lead there.
_RULED: Final = ~Q(aliases=[]) | Q(merged_into__isnull=False) | Q(merged__isnull=False)


def resolve_title(text: str) -> str:
    """The title of the label that people mean by `text`, whatever its case; `text` itself where there is none.

    One query.
    """
    return resolve_titles([text])[0]


def resolve_titles(texts: Sequence[str]) -> list[str]:
    """As `resolve_title`, for each of these words in their order. One query for all of them."""
    known = _known(texts)
    found = (_meant(text, known) for text in texts)
    return [label.title if label else text for text, label in zip(texts, found, strict=True)]


def find_label(text: str) -> Label | None:
    """The label that people mean by `text`, whatever its case: what it is merged into, if it is. One query.

    A title is understood before a detector's name, and that before an alias.
    """
    return _meant(text, _known([text]))


def _known(texts: Iterable[str]) -> dict[int, Label]:
    """All labels that can have to do with any of these words, in the order of their names."""
    spelled = Q()
    for wanted in map(_plain, texts):
        spelled |= Q(name__iexact=wanted) | Q(display_name__iexact=wanted)
    return {label.pk: label for label in Label.objects.filter(spelled | _RULED).order_by("name").distinct()}


def _plain(text: str) -> str:
    return text.strip().lower()


def _meant(text: str, known: dict[int, Label]) -> Label | None:
    wanted = _plain(text)
    meant = min(
        ((rank, label.pk) for label in known.values() if (rank := _rank(label, wanted)) is not None), default=None
    )
    return _final(known[meant[1]], known) if meant else None


def _rank(label: Label, wanted: str) -> int | None:
    """How directly `wanted` means this label, 0 the most; None when it does not."""
    if label.title.lower() == wanted:
        return 1 if label.merged_into_id else 0
    if label.name.lower() == wanted:
        return 2
    return 3 if wanted in map(str.lower, label.aliases) else None


def _final(label: Label, known: dict[int, Label]) -> Label:
    """What it is merged into, to the end."""
    seen: set[int] = set()
    while label.merged_into_id in known and label.pk not in seen:
        seen.add(label.pk)
        label = known[label.merged_into_id]
    return label


def suggest_words(q: str, limit: int = 20) -> list[Label]:
    """Labels to choose from while somebody types `q`: title begins with it, alias does, either contains it.

    None that are blocked or merged into another one.
    """
    wanted = q.strip().lower()
    free = Label.objects.filter(blocked=False, merged_into=None)
    spelled = Q(name__icontains=wanted) | Q(display_name__icontains=wanted)
    places = ((_place(label, wanted), label) for label in free.filter(spelled | ~Q(aliases=[])))
    found = [(place, label.title.lower(), label.pk, label) for place, label in places if place is not None]
    return [label for *_, label in sorted(found)[:limit]]


def _place(label: Label, wanted: str) -> int | None:
    title, aliases = label.title.lower(), [alias.lower() for alias in label.aliases]
    if title.startswith(wanted):
        return 0
    if any(alias.startswith(wanted) for alias in aliases):
        return 1
    return 2 if any(wanted in word for word in (title, *aliases)) else None
