"""Deleting an account: rows at once, stored files surely, and a receipt that outlives both."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from portal.accounts.models import ErasureReceipt, User
from portal.images.deletion import delete_images
from portal.images.erasing import owe
from portal.images.models import DataExport, Recognition
from portal.images.models.exports import SILENCE
from portal.images.tasks import erase_soon
from portal.images.workers import by_lambda
from portal.moderation.models import AuditEntry

# Who did what somebody did that is gone.
FORMER_MODERATOR = "a former moderator"


class LastAdministratorError(Exception):
    """Nobody would be left to administer the portal."""


@dataclass(frozen=True)
class Belongings:
    images: int
    recognitions: int
    original_bytes: int


def belongings(user: User) -> Belongings:
    """What would be erased if `user` left now."""
    return Belongings(
        images=user.images.count(),
        recognitions=Recognition.objects.filter(image__owner=user).count(),
        original_bytes=user.images.aggregate(total=Sum("byte_size"))["total"] or 0,
    )


def is_last_administrator(user: User) -> bool:
    """Whether the portal has no superuser that can sign in besides `user`."""
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    return user.is_superuser and not others.exists()


def delete_account(user: User) -> ErasureReceipt:
    """Delete `user` with everything that is theirs; stored files are erased by the worker until none is left.

    What they decided on other people's images as a moderator stays, without their name.

    Raises LastAdministratorError, having done nothing, and User.DoesNotExist when it has happened already.
    """
    user_id = user.pk
    with transaction.atomic():
        user = _locked(user)
        if is_last_administrator(user):
            raise LastAdministratorError
        theirs = belongings(user)
        receipt = ErasureReceipt.objects.create(
            images=theirs.images, recognitions=theirs.recognitions, original_bytes=theirs.original_bytes
        )
        delete_images(user.images.all(), receipt=receipt)
        _owe_folders(user, receipt)
        AuditEntry.objects.filter(actor=user).update(actor_name=FORMER_MODERATOR)
        user.delete()
        erase_soon()
    _forget_sessions(user_id)
    return receipt


def _owe_folders(user: User, receipt: ErasureReceipt) -> None:
    """Their whole folders go as well: whatever lies there without a row belongs to nobody else."""
    owe([("uploads", f"uploads/{user.pk}"), ("derived", f"derived/{user.pk}")], receipt)
    if by_lambda():
        archives = [("derived", f"exports/{user.pk}")]
        owe(archives, receipt)
        if DataExport.objects.filter(user=user, finished_at=None).exists():
            # Whoever is making one notices before long that it is in vain.
            owe(archives, receipt, after=timezone.now() + SILENCE)


def _locked(user: User) -> User:
    """The row of `user`, locked: no image is added meanwhile, and no two last administrators leave at once."""
    if user.is_superuser:
        list(User.objects.select_for_update().filter(is_superuser=True).order_by("pk"))
    return User.objects.select_for_update().get(pk=user.pk)


def _forget_sessions(user_id: int) -> None:
    """Delete the sessions of somebody who is gone. They ended with the user's row; this removes what they held."""
    for session in Session.objects.iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user_id):
            session.delete()
