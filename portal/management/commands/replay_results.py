from __future__ import annotations

from math import inf
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.images.replaying import Replayed, replay


class Command(BaseCommand):
    help = "Rebuild the history from what the storages hold: rows that are missing are made, those that are there stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
        parser.add_argument(
            "--create-missing-owners",
            action="store_true",
            help="make somebody who cannot sign in, under the same number and name, for each person who is not there",
        )
        parser.add_argument("--within", type=float, default=inf, metavar="SECONDS", help="stop after that time")

    def handle(self, *_args: Any, **options: Any) -> None:
        replayed = replay(
            dry_run=options["dry_run"],
            create_missing_owners=options["create_missing_owners"],
            within=options["within"],
            report=self._say,
        )
        for problem in replayed.problems:
            self.stderr.write(problem)
        self._say(_summary(replayed, dry_run=options["dry_run"]))
        if not replayed.finished:
            raise CommandError("The time was over first. Run it again: it goes on where it stopped.")

    def _say(self, words: str) -> None:
        self.stdout.write(words)
        self.stdout.flush()


def _summary(replayed: Replayed, *, dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    return "\n".join(
        [
            f"Images {would}restored: {replayed.images:,}, with {replayed.results:,} results",
            f"of them {would}queued, having no result: {replayed.queued:,}",
            f"Images that were complete already: {replayed.known:,}",
            f"Places whose file never came: {replayed.never_uploaded:,}",
            f"People {would}made: {replayed.owners_made:,}",
            f"Problems: {len(replayed.problems):,}",
        ]
    )
