"""Pictures that are labelled already become somebody's images, and their boxes what people said of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5

from django.core.files.uploadedfile import SimpleUploadedFile

from portal.accounts.models import User
from portal.images.models import Image, Status
from portal.images.uploads import Announcement, receive_upload, start_upload
from portal.moderation.actions import add, complete
from portal.moderation.coco_lists import LabelledPicture
from portal.moderation.deeds import Deed

# Sides may differ by rounding.
_PIXELS = 1


@dataclass(frozen=True, slots=True)
class Brought:
    """A picture and the image that it has become; or why there is none, as a sentence."""

    picture: LabelledPicture
    image_id: UUID | None
    problem: str = ""


def upload(owner: User, picture: LabelledPicture) -> Image:
    """Upload the picture for its owner, who may have it already; then it is the image they have.

    Raises portal.images.uploads.UploadRefused, portal.images.quotas.QuotaExceeded and OSError.
    """
    content = picture.path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    started = start_upload(owner, Announcement(picture.path.name, "", len(content), sha256))
    if started.form is None:
        return started.image
    return receive_upload(started.form.fields["policy"], SimpleUploadedFile(picture.path.name, content))[0]


def settled(waiting: Sequence[Brought]) -> Iterator[tuple[Brought, Image | None]]:
    """Those of them whose recognition is over, one way or the other; None for an image that was deleted meanwhile."""
    images = Image.objects.in_bulk([each.image_id for each in waiting if each.image_id])
    for each in waiting:
        image = images.get(each.image_id) if each.image_id else None
        if image is None or image.is_settled:
            yield each, image


def decide(actor: User, picture: LabelledPicture, image: Image | None, *, is_complete: bool) -> str:
    """Say what the list says of an image; again, it changes nothing. Returns what is wrong, or "".

    Raises portal.moderation.deeds.Refused.
    """
    if image is None:
        return "It was deleted meanwhile."
    if image.status != Status.RECOGNIZED or not image.width or not image.height:
        return image.failure_message or "It was not recognised."
    if abs(image.width - picture.width) > _PIXELS or abs(image.height - picture.height) > _PIXELS:
        listed, upright = f"{picture.width} x {picture.height}", f"{image.width} x {image.height}"
        return f"The list says {listed} pixels, but upright it has {upright}."
    for box in picture.boxes:
        add(Deed(_id(actor, image, f"{box.name} {box.label} {box.box}"), actor, image.pk), box.label, box.box)
    if is_complete:
        complete(Deed(_id(actor, image, "complete"), actor, image.pk))
    return ""


def _id(actor: User, image: Image, what: str) -> UUID:
    """The same for the same box brought twice, so that it becomes one annotation."""
    return uuid5(NAMESPACE_URL, f"imagesift:brought:{actor.pk}:{image.pk}:{what}")
