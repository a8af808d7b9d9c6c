"""Allowances: images a day and bytes kept, for each person, from the settings."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db.models import F, Sum
from django.utils import timezone

from portal.accounts.models import User
from portal.images.models import DailyUploads
from portal.templatetags.sizes import size


class QuotaExceeded(Exception):
    """An allowance is used up. `code` is for programs, `message` a sentence for the person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Usage:
    images_today: int
    images_per_day: int
    bytes_stored: int
    bytes_per_user: int

    @property
    def images_left(self) -> int:
        return max(0, self.images_per_day - self.images_today)

    @property
    def bytes_left(self) -> int:
        return max(0, self.bytes_per_user - self.bytes_stored)


def usage(user: User) -> Usage:
    """What `user` has used; the day is UTC's, and files announced but not arrived yet count as stored."""
    today = DailyUploads.objects.filter(owner=user, day=timezone.now().date()).first()
    stored = user.images.aggregate(total=Sum("byte_size"))["total"] or 0
    return Usage(
        images_today=today.images if today else 0,
        images_per_day=settings.IMAGES_PER_DAY,
        bytes_stored=stored,
        bytes_per_user=settings.BYTES_PER_USER,
    )


def spend(user: User, byte_size: int) -> None:
    """Count one more image of `byte_size` bytes. Raises QuotaExceeded and counts nothing when it does not fit.

    Call it while holding the lock on the user's row (`lock_owner`), or two uploads could both take the last place.
    """
    used = usage(user)
    if used.images_left < 1:
        raise QuotaExceeded(
            "images_per_day",
            f"You have uploaded {used.images_today:,} images today, which is all of your daily allowance. "
            "It renews at midnight UTC.",
        )
    if byte_size > used.bytes_left:
        raise QuotaExceeded(
            "bytes_per_user",
            f"This file does not fit: {size(used.bytes_left)} of your storage are left. Delete some images first.",
        )
    day, _ = DailyUploads.objects.get_or_create(owner=user, day=timezone.now().date())
    DailyUploads.objects.filter(pk=day.pk).update(images=F("images") + 1)


def lock_owner(user: User) -> User:
    """Serialise what must be counted per person: the user's row, locked until the transaction ends."""
    return User.objects.select_for_update().get(pk=user.pk)
