"""A new word, which no detector has said."""

from __future__ import annotations

from django.db import transaction

from portal.images.models import Label
from portal.moderation.deeds import Refused
from portal.moderation.models import AuditEntry, Verb
from portal.moderation.spelling import spelled
from portal.moderation.vocabulary.changing import ADD_WORDS, Wish, begin
from portal.moderation.vocabulary.rules import meanings


@transaction.atomic
def add_word(wish: Wish, name: str) -> Label:
    """Add a label. Raises Refused when a label is known by that word. No image has it yet: none needs to follow."""
    begin(wish, ADD_WORDS)
    name = spelled(name)
    done = AuditEntry.objects.filter(pk=wish.id).first()
    if done is not None:
        return Label.objects.get(pk=done.after["label"])
    if name.lower() in meanings():
        raise Refused("word_taken", f"“{name}” is the name or an alias of a label already.", 409)
    label = Label.objects.create(name=name)
    AuditEntry.objects.create(
        pk=wish.id,
        actor=wish.actor,
        actor_name=wish.actor.username,
        verb=Verb.VOCABULARY,
        subject=f"Added “{name}”",
        after={"label": label.pk},
    )
    return label
