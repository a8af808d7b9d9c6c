"""Whose an image was, asked without the rows that said so."""

from __future__ import annotations

from datetime import datetime

from django.core.management.color import no_style
from django.db import connection
from django.utils import timezone

from portal.accounts.models import User


class Owners:
    """Finds the people that storages know by number, or makes somebody in their place who cannot sign in.

    A number may have been given away again. Nobody gets the photos of somebody else: the person must bear the name that
    is written beside the photo, or have been here before it.
    """

    def __init__(self, *, dry_run: bool, create: bool) -> None:
        self._dry_run = dry_run
        self._create = create
        self._known: dict[int, User | None] = {}
        self.made = 0
        self.problems: list[str] = []

    def of(self, owner_id: int, username: str | None, image_from: datetime | None) -> User | None:
        """The owner of an image of that time; None, and a problem, where there is nobody."""
        if owner_id not in self._known:
            found = User.objects.filter(pk=owner_id).first()
            self._known[owner_id] = found or self._missing(owner_id, username, image_from)
        user = self._known[owner_id]
        if user is None or _is_theirs(user, username, image_from):
            return user
        self._complain(
            f"Images of number {owner_id} (“{username}”) are left out: “{user.username}” has that number now."
        )
        return None

    def _missing(self, owner_id: int, username: str | None, image_from: datetime | None) -> User | None:
        name = username or f"owner-{owner_id}"
        if not self._create:
            self._complain(
                f"Images of “{name}” (number {owner_id}) are left out: there is no such person any more. "
                "With --create-missing-owners, somebody is made in their place who cannot sign in."
            )
            return None
        self.made += 1
        if User.objects.filter(username__iexact=name).exists():
            name = f"{name}-{owner_id}"
        user = User(
            pk=owner_id,
            username=name,
            email=f"restored-{owner_id}@imagesift.invalid",
            is_active=False,
            date_joined=image_from or timezone.now(),
        )
        user.set_unusable_password()
        if not self._dry_run:
            user.save(force_insert=True)
            _count_on_from(User)
        return user

    def _complain(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def _is_theirs(user: User, username: str | None, image_from: datetime | None) -> bool:
    same_name = username is not None and user.username in (username, f"{username}-{user.pk}")
    return same_name or (image_from is not None and user.date_joined <= image_from)


def _count_on_from(model: type[User]) -> None:
    """PostgreSQL does not notice a number that was given: the next person would get it as well."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [model]):
            cursor.execute(statement)
