"""What owners say of the labels of their images: suggestions, which change nothing but the place in the queue."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import CurrentLabel, Image
from portal.moderation.deeds import Refused
from portal.moderation.models import ReviewItem, Suggestion
from portal.moderation.spelling import spelled

OPEN_AT_MOST = 100


def suggestions(image: Image, author: User) -> dict[str, Suggestion]:
    """What `author` says of the labels of `image`, by the title of the label in lower case."""
    return {suggestion.label.lower(): suggestion for suggestion in image.suggestions.filter(author=author)}


@transaction.atomic
def suggest(image: Image, author: User, label: str, kind: str, instead: str = "") -> Suggestion:
    """Say of one label of the image that it is right, wrong, or should be `instead`; what was said before is replaced.

    The same again changes nothing, not even when moderators have looked at it meanwhile. Raises Refused.
    """
    kind = _known(kind)
    instead = spelled(instead, if_empty="Say what it should be.") if kind == Suggestion.Kind.INSTEAD else ""
    Image.objects.select_for_update().get(pk=image.pk)
    said = suggestions(image, author)
    before = said.get(label.lower())
    if before is not None and (before.kind, before.instead) == (kind, instead):
        return before
    if before is None and sum(each.settled_at is None for each in said.values()) >= OPEN_AT_MOST:
        raise Refused("too_many", f"You have said something of {OPEN_AT_MOST} labels here: that is the most.", 409)
    suggestion = before or Suggestion(image=image, author=author, label=_title(image, label))
    suggestion.kind, suggestion.instead = kind, instead
    suggestion.made_at, suggestion.settled_at = timezone.now(), None
    suggestion.save()
    _raise_in_queue(image)
    return suggestion


@transaction.atomic
def take_back(image: Image, author: User, label: str) -> bool:
    """Unsay what `author` said of the label. False when that was nothing."""
    Image.objects.select_for_update().get(pk=image.pk)
    before = suggestions(image, author).get(label.lower())
    if before is None:
        return False
    before.delete()
    _raise_in_queue(image)
    return True


def _known(kind: str) -> str:
    if kind not in Suggestion.Kind.values:
        raise Refused("unknown_kind", "Say that a label is right, that it is wrong, or what it should be.", 400)
    return kind


def _title(image: Image, label: str) -> str:
    """The label as people read it. Raises Refused when the image does not have it."""
    titles = CurrentLabel.objects.filter(image=image, name=label.lower()).values_list("title", flat=True)
    # PostgreSQL takes no text with NUL in it.
    title = None if "\0" in label else titles.first()
    if title is None:
        raise Refused("no_such_label", "This label is not in the image any more. Load the page again.", 409)
    return title


def _raise_in_queue(image: Image) -> None:
    waits = Suggestion.objects.filter(image=image, settled_at__isnull=True).exists()
    ReviewItem.objects.filter(image=image).update(suggested=waits)
