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
from portal.moderation.coco_lists import LabelledBox, LabelledPicture
from portal.moderation.deeds import Deed
from portal.moderation.models import AuditEntry
from portal.moderation.spelling import spelled

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
    """Those whose recognition is over, one way or the other, or held back for want of money, which may take weeks.

    None stands for an image that was deleted meanwhile.
    """
    images = Image.objects.in_bulk([each.image_id for each in waiting if each.image_id])
    for each in waiting:
        image = images.get(each.image_id) if each.image_id else None
        if image is None or image.is_settled or image.hold:
            yield each, image


def decide(actor: User, picture: LabelledPicture, image: Image | None, *, is_complete: bool) -> str:
    """Say what the list says of an image; again, it changes nothing, whoever says so. Returns what is wrong, or "".

    Raises portal.moderation.deeds.Refused.
    """
    if image is None:
        return "It was deleted meanwhile."
    if image.hold:
        return f"It waits to be recognised: {image.get_hold_display().lower()}. Bring it again when it was."
    if image.status != Status.RECOGNIZED or not image.width or not image.height:
        return image.failure_message or "It was not recognised."
    if abs(image.width - picture.width) > _PIXELS or abs(image.height - picture.height) > _PIXELS:
        listed, upright = f"{picture.width} x {picture.height}", f"{image.width} x {image.height}"
        return f"The list says {listed} pixels, but upright it has {upright}."
    for each in picture.boxes:
        deed = Deed(_id(image, _words(each)), actor, image.pk)
        if not _was_done(deed):
            add(deed, each.label, each.box)
    deed = Deed(_id(image, "complete"), actor, image.pk)
    if is_complete and not _was_done(deed):
        complete(deed)
    return ""


def _words(box: LabelledBox) -> str:
    """The same where another list means the same: sides are rounded, as they may differ by how they were written."""
    sides = (box.box.left, box.box.top, box.box.width, box.box.height)
    return " ".join([spelled(box.label).lower(), *(f"{side:.5f}" for side in sides)])


def _id(image: Image, what: str) -> UUID:
    """The same for the same box brought twice, so that it becomes one annotation."""
    return uuid5(NAMESPACE_URL, f"imagesift:brought:{image.pk}:{what}")


def _was_done(deed: Deed) -> bool:
    """Whether anybody did it before: to repeat somebody else's deed would be refused."""
    return AuditEntry.objects.filter(pk=deed.id).exists()
