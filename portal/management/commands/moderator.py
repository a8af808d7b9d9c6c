"""`manage.py moderator`: let somebody correct labels, look after the vocabulary or train models, or no longer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.models import User
from portal.moderation import groups


@dataclass(frozen=True, slots=True)
class Role:
    title: str
    group: str
    make: Callable[[User], bool]


MODERATOR: Final = Role("a moderator", groups.MODERATORS, groups.make_moderator)
VOCABULARY_EDITOR: Final = Role("a vocabulary editor", groups.VOCABULARY_EDITORS, groups.make_vocabulary_editor)
TRAINER: Final = Role("a model trainer", groups.TRAINERS, groups.make_trainer)


class Command(BaseCommand):
    help = "Make somebody a moderator, who reviews images and corrects their labels in the administration."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="whom")
        instead = parser.add_mutually_exclusive_group()
        instead.add_argument(
            "--vocabulary",
            dest="role",
            action="store_const",
            const=VOCABULARY_EDITOR,
            default=MODERATOR,
            help="a vocabulary editor instead, who merges, renames and hides labels",
        )
        instead.add_argument(
            "--trainer",
            dest="role",
            action="store_const",
            const=TRAINER,
            default=MODERATOR,
            help="a model trainer instead, who makes datasets, trains models and decides which runs",
        )
        parser.add_argument("--remove", action="store_true", help="take it back")

    def handle(self, *_args: Any, username: str, role: Role, remove: bool, **_options: Any) -> None:
        try:
            user = User.objects.get(username=username)
        except User.DoesNotExist:
            raise CommandError(f"There is nobody called {username}.") from None
        self.stdout.write(_removed(user, role) if remove else _made(user, role))


def _made(user: User, role: Role) -> str:
    return f"{user.username} is {role.title} now." if role.make(user) else f"{user.username} was {role.title} already."


def _removed(user: User, role: Role) -> str:
    if not groups.leave(user, role.group):
        return f"{user.username} was not {role.title}."
    outside = "" if user.is_staff else ", and no longer opens the administration"
    return f"{user.username} is not {role.title} any more{outside}."
