"""`manage.py first_admin`: an administrator for a portal that has none."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.accounts.first_admin import make_first_admin


class Command(BaseCommand):
    help = "Make an administrator with a generated password, printed once. Does nothing where there is one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", default="admin", help="its name (default: admin)")

    def handle(self, *_args: Any, username: str, **_options: Any) -> None:
        admin = make_first_admin(username)
        if admin is not None:
            self.stdout.write(f"Administrator: {admin.username}\nPassword: {admin.password}")
