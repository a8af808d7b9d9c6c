from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from portal.serving import serve


class Command(BaseCommand):
    requires_system_checks = []  # `prepare` has run them, and this must start quickly
    help = "Serve the whole portal on this machine: web server and workers, restarted when they end unexpectedly."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")
        parser.add_argument("--workers", type=int, default=1, help="recognition workers (default: %(default)s)")
        parser.add_argument(
            "--fetch-detector", action="store_true", help="fetch the object detector's model in the background"
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        serve(
            host=options["host"],
            port=options["port"],
            workers=options["workers"],
            fetch_detector=options["fetch_detector"],
        )
