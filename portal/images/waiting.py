"""Why an image in the queue is not recognised yet, in words for its owner."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.utils.formats import date_format

from portal.images.models import Hold, Image, Status
from portal.images.pace import places
from portal.images.spending import cost_of_one, limits_of, next_month, this_month
from portal.templatetags.money import dollars


def waiting_words(images: Sequence[Image]) -> dict[UUID, str]:
    """What to say of those of `images` that wait: their place in the queue, or which budget they wait for."""
    words = {image_id: str(place) for image_id, place in places(images).items()}
    held = [image for image in images if is_held(image)]
    if held:
        limits = limits_of({image.owner_id for image in held})
        words |= {image.pk: _held_words(Hold(image.hold), limits[image.owner_id]) for image in held}
    return words


def is_held(image: Image) -> bool:
    """Whether the image waits for money."""
    return image.status == Status.QUEUED and bool(image.hold)


def _held_words(reason: Hold, limit: int | None) -> str:
    next_one = date_format(next_month(this_month()), "j F")
    until = f"this photo will be recognised when it is raised or on {next_one}."
    if reason is Hold.STACK_BUDGET:
        return f"The portal’s budget for this month is used up: {until}"
    if limit is None:
        return "There is a budget for this photo again: it will be recognised soon."
    if limit < cost_of_one():
        return f"Your monthly budget of {dollars(limit)} is too small: this photo will be recognised when it is raised."
    return f"Your monthly budget of {dollars(limit)} is used up: {until}"
