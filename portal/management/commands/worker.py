from __future__ import annotations

import os
import socket
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.images.working import NameTaken, work


class Command(BaseCommand):
    requires_system_checks = []  # `prepare` has run them, and this must start quickly
    help = "Recognise queued images and do the portal's other background work, until stopped (Ctrl+C lets it finish)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--name",
            default=f"{socket.gethostname()[:50]}-1",
            help="a name that no other running worker has; a restarted worker keeps its name (default: %(default)s)",
        )
        parser.add_argument("--until-empty", action="store_true", help="stop when no task is due any more")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        # Be polite to the processes that answer people.
        os.nice(5)
        try:
            work(options["name"], until_empty=options["until_empty"])
        except NameTaken as error:
            raise CommandError(str(error)) from error
