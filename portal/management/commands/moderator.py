"""`manage.py moderator`: let somebody correct labels, or look after the vocabulary, or no longer."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.models import User
from portal.moderation.groups import MODERATORS, VOCABULARY_EDITORS, leave, make_moderator, make_vocabulary_editor


class Command(BaseCommand):
    help = "Make somebody a moderator, who reviews images and corrects their labels in the administration."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="whom")
        parser.add_argument(
            "--vocabulary",
            action="store_true",
            help="a vocabulary editor instead, who merges, renames and hides labels",
        )
        parser.add_argument("--remove", action="store_true", help="take it back")

    def handle(self, *_args: Any, username: str, vocabulary: bool, remove: bool, **_options: Any) -> None:
        try:
            user = User.objects.get(username=username)
        except User.DoesNotExist:
            raise CommandError(f"There is nobody called {username}.") from None
        self.stdout.write(_removed(user, vocabulary) if remove else _made(user, vocabulary))


def _made(user: User, vocabulary: bool) -> str:
    what = "a vocabulary editor" if vocabulary else "a moderator"
    changed = make_vocabulary_editor(user) if vocabulary else make_moderator(user)
    return f"{user.username} is {what} now." if changed else f"{user.username} was {what} already."


def _removed(user: User, vocabulary: bool) -> str:
    what = "a vocabulary editor" if vocabulary else "a moderator"
    if not leave(user, VOCABULARY_EDITORS if vocabulary else MODERATORS):
        return f"{user.username} was not {what}."
    outside = "" if user.is_staff else ", and no longer opens the administration"
    return f"{user.username} is not {what} any more{outside}."
