"""Which images moderators may see, and the record of every look at somebody else's."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import Image
from portal.moderation.models import AuditEntry, Verb

REVIEW = "moderation.review_images"


def visible_images(user: User) -> QuerySet[Image]:
    """The images that a moderator may review: as MODERATION_SEES says, their own, and those they are reviewing now."""
    if not user.has_perm(REVIEW):
        return Image.objects.none()
    if settings.MODERATION_SEES == "all":
        return Image.objects.all()
    entitled = Q(owner=user) | Q(review__leased_by=user, review__leased_until__gt=timezone.now())
    if settings.MODERATION_SEES == "shared":
        return Image.objects.filter(entitled | Q(shared=True))
    return Image.objects.filter(entitled | Q(review__flagged=True) | Q(review__suggested=True))


def may_see(user: User, image: Image) -> bool:
    """Whether `visible_images` has this one."""
    return visible_images(user).filter(pk=image.pk).exists()


def record_looks(user: User, images: Iterable[Image]) -> None:
    """Write into the audit log that `user` looks at these images, as far as they are somebody else's."""
    AuditEntry.objects.bulk_create(
        AuditEntry(actor=user, actor_name=user.username, verb=Verb.LOOKED, image=image, image_uuid=image.pk)
        for image in images
        if image.owner_id != user.pk
    )
