from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.models import User
from portal.calling import FUNCTION_VARIABLE, STACK_OUTPUT, call, function_of_stack

_PASSWORD = "DJANGO_SUPERUSER_PASSWORD"  # noqa: S105 - the variable's name


class Command(BaseCommand):
    help = "Run a management command inside a deployed stack, by its `manage` function, and print what it says."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--function",
            default=os.environ.get(FUNCTION_VARIABLE, ""),
            help=f"the function's name (default: {FUNCTION_VARIABLE}, else `pulumi stack output {STACK_OUTPUT}`)",
        )
        parser.add_argument("order", metavar="COMMAND", help="migrate, createsuperuser, first_admin, sweep, …")
        parser.add_argument("order_args", metavar="ARGUMENT", nargs=argparse.REMAINDER, help="the command's own")

    def handle(self, *_args: Any, **options: Any) -> None:
        function = options["function"] or function_of_stack(settings.BASE_DIR)
        if not function:
            raise CommandError(
                f"Which function? Name it by --function or {FUNCTION_VARIABLE}, or select the stack with "
                f"`pulumi stack select`: its output {STACK_OUTPUT} is the name."
            )
        args, environment = list(options["order_args"]), {}
        if options["order"] == "createsuperuser":
            args = _named(args)
            environment = {_PASSWORD: _password(args)}
        answer = call(function, options["order"], args, environment)
        self.stdout.write(answer.output, ending="")
        if not answer.ok:
            self.stderr.write(answer.error)
            sys.exit(1)


def _named(args: Sequence[str]) -> list[str]:
    """The arguments, with name and address asked for where they are missing."""
    complete = [*args]
    for option, question in (("--username", "Username: "), ("--email", "E-mail address: ")):
        if not any(arg == option or arg.startswith(f"{option}=") for arg in args):
            complete += [option, input(question)]
    return complete


def _password(args: Sequence[str]) -> str:
    """Asked for here, where nobody logs it."""
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Password (again): "):
        raise CommandError("The two passwords are not the same.")
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--username")
    parser.add_argument("--email")
    known, _ = parser.parse_known_args(args)
    try:
        validate_password(password, User(username=known.username or "", email=known.email or ""))
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
    return password
