"""The labels that people name: those of the vocabulary, or new ones."""

from __future__ import annotations

from portal.images.models import Label
from portal.moderation.deeds import Refused
from portal.moderation.finding import find_label
from portal.moderation.spelling import spelled


def label_named(text: str) -> Label:
    """The label that a person means, whatever its case; made anew when nothing is called that.

    One that is merged into another stands for that. Raises Refused for what is no name, and for one that is blocked.
    """
    name = spelled(text)
    label = find_label(name) or Label.objects.get_or_create(name=name)[0]
    if label.blocked:
        raise Refused("blocked", f"“{label.title}” is blocked in the vocabulary: it is not used for any image.", 409)
    return label
