"""Looks at somebody else's image: in the audit log once for each sitting, not once for each byte that is fetched."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import Image
from portal.moderation.access import record_looks
from portal.moderation.models import AuditEntry, Verb

# The document, the pictures and the crops of an image that are fetched within this time are one look.
ONE_LOOK: Final = timedelta(hours=1)


def note_looks(user: User, images: Iterable[Image]) -> None:
    """Record that `user` looks at these images, as far as they are somebody else's and that is not recorded lately.

    At most two statements, however many images.
    """
    others = {image.pk: image for image in images if image.owner_id != user.pk}
    if not others:
        return
    lately = AuditEntry.objects.filter(actor=user, at__gt=timezone.now() - ONE_LOOK, verb=Verb.LOOKED)
    seen = set(lately.filter(image__in=others).order_by().values_list("image_id", flat=True))
    record_looks(user, [image for pk, image in others.items() if pk not in seen])
