from __future__ import annotations

from dataclasses import asdict
from math import inf
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.images.sweeping import sweep


class Command(BaseCommand):
    help = "Find whatever got stuck (images, uploads, files to erase) and set it going again. The worker does this too."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--within", type=float, default=inf, metavar="SECONDS", help="begin nothing later")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        for name, count in asdict(sweep(options["within"])).items():
            self.stdout.write(f"{name.replace('_', ' ')}: {count}")
