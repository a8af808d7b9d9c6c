"""What holds of the vocabulary as a whole: every word means one label, and nothing leads round in a ring."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from portal.images.models import DetectorName, Label
from portal.moderation.deeds import Refused

Meanings = dict[str, set[int]]


def meanings() -> Meanings:
    """Which labels (by pk, merged ones as what they are merged into) each word names, in lower case."""
    labels = _by_pk()
    words: Meanings = defaultdict(set)
    for label in labels.values():
        for word in (label.name, label.title, *label.aliases):
            words[word.lower()].add(_final(label, labels).pk)
    return words


def refuse_clashes(before: Meanings) -> None:
    """Raise Refused when a word names more labels than it did; names that detectors share in all but case may stay."""
    for word, named in meanings().items():
        if len(named) > 1 and not named <= before.get(word, set()):
            raise Refused(
                "word_taken",
                f"“{word}” is the name or an alias of another label already. If they are the same thing, merge them.",
                409,
            )


def refuse_rings(touched: Iterable[int]) -> None:
    """Raise Refused when one of these labels is its own parent, or merged into itself, over however many steps."""
    labels = _by_pk()
    for pk in touched:
        label, seen = _final(labels[pk], labels), set[int]()
        while True:
            if label.pk in seen:
                raise Refused("ring", f"“{labels[pk].title}” would be its own parent.", 409)
            seen.add(label.pk)
            if label.parent_id is None:
                break
            label = _final(labels[label.parent_id], labels)


def _final(label: Label, labels: dict[int, Label]) -> Label:
    seen = {label.pk}
    while label.merged_into_id is not None:
        label = labels[label.merged_into_id]
        if label.pk in seen:
            raise Refused("ring", f"“{label.title}” would be merged into itself.", 409)
        seen.add(label.pk)
    return label


def _by_pk() -> dict[int, Label]:
    return {label.pk: label for label in Label.objects.all()}


def dependents(pks: Iterable[int], *, children: bool) -> set[int]:
    """These labels and all that are shown as one of them, or (`children`) below one of them."""
    upward: dict[int, set[int]] = defaultdict(set)
    for pk, into, parent in Label.objects.values_list("pk", "merged_into", "parent"):
        for above in (into, parent if children else None):
            if above is not None:
                upward[above].add(pk)
    for label, meaning in DetectorName.objects.values_list("label", "meaning"):
        upward[meaning].add(label)
    found, new = set[int](), set(pks)
    while new:
        found |= new
        new = set().union(*(upward[pk] for pk in new)) - found
    return found
