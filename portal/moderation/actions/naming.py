"""The labels that people name: those of the vocabulary, or new ones."""

from __future__ import annotations

from portal.images.models import Label
from portal.moderation.deeds import Refused
from portal.moderation.finding import find_label

_LONGEST = 200


def label_named(text: str) -> Label:
    """The label that a person means, whatever its case; made anew when nothing is called that.

    One that is merged into another stands for that. Raises Refused for no name, and for one that is blocked.
    """
    name = " ".join(text.split())
    if not name:
        raise Refused("no_label", "Say what it is.", 400)
    if len(name) > _LONGEST or not name.isprintable():
        raise Refused("bad_label", f"A label has at most {_LONGEST} letters, all of them printable.", 400)
    label = find_label(name) or Label.objects.get_or_create(name=name)[0]
    if label.blocked:
        raise Refused("blocked", f"“{label.title}” is blocked in the vocabulary: it is not used for any image.", 409)
    return label
