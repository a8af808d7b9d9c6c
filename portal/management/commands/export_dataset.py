from __future__ import annotations

import sys
import time
from argparse import BooleanOptionalAction
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.finetuning.building import advance
from portal.finetuning.forms import DEFAULT_SPLIT, SplitError, read_split
from portal.finetuning.making import begin, record_export
from portal.finetuning.models import DatasetSnapshot
from portal.finetuning.storing import fresh, store_lists, store_missing_pictures, write_folder

_ASKED_FOR = {"name", "labels", "minimum", "licence", "validation_percent", "test_percent"}
_STEP_SECONDS = 1.0
_WAIT_SECONDS = 1.0


class Command(BaseCommand):
    help = (
        "Make a dataset of what people approved, corrected and drew, or export a version that exists: lists in COCO's"
        " form for training, validation and test, a data card, and the upright pictures. Progress goes to stderr."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Django's commands tell their own version by --version."""
        return super().create_parser(prog_name, subcommand, **{"conflict_handler": "resolve", **kwargs})

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the dataset is called; its versions are counted")
        parser.add_argument("--version", type=int, metavar="N", help="export that version instead of making one")
        parser.add_argument("--labels", nargs="+", default=[], metavar="LABEL", help="only these (default: all)")
        parser.add_argument("--minimum", type=int, default=1, metavar="N", help="leave labels with fewer boxes out")
        parser.add_argument("--split", default=DEFAULT_SPLIT, metavar="A/B/C", help="percent (default: %(default)s)")
        parser.add_argument("--licence", default="", metavar="TEXT", help="the terms under which it may be used")
        parser.add_argument(
            "--images", action=BooleanOptionalAction, default=True, help="the pictures, too (default: yes)"
        )
        parser.add_argument("--to", type=Path, metavar="FOLDER", help="of this machine (default: the derived storage)")

    def handle(self, *_args: Any, **options: Any) -> None:
        snapshot = self._existing(options) if options["version"] is not None else self._made(options)
        self._wait_for(snapshot)
        fresh(snapshot)
        progress = _Progress(self, "exporting", snapshot.card["counts"]["images"])
        try:
            place = self._export(snapshot, options["to"], progress, pictures=options["images"])
        except ImportError as error:
            raise CommandError(f"Pictures need {error.name}, which is not here. Try --no-images.") from error
        except OSError as error:
            raise CommandError(f"It cannot be written: {error}") from error
        record_export(snapshot, None, f"to {'a folder' if options['to'] else 'the storage'}")
        counts = snapshot.card["counts"]
        self.stdout.write(f"{snapshot}: {counts['images']:,} images, {counts['boxes']:,} boxes in {place}")
        for warning in snapshot.card["warnings"]:
            self.stderr.write(f"Warning: {warning}")

    def _existing(self, options: dict[str, Any]) -> DatasetSnapshot:
        try:
            return DatasetSnapshot.objects.get(name=options["name"], version=options["version"])
        except DatasetSnapshot.DoesNotExist:
            raise CommandError(f"There is no version {options['version']} of “{options['name']}”.") from None

    def _made(self, options: dict[str, Any]) -> DatasetSnapshot:
        try:
            validation, test = read_split(options["split"])
        except SplitError as error:
            raise CommandError(str(error)) from error
        asked_for = DatasetSnapshot(
            name=options["name"],
            labels=options["labels"],
            minimum=options["minimum"],
            validation_percent=validation,
            test_percent=test,
            licence=options["licence"],
        )
        try:
            asked_for.clean_fields(exclude={field.name for field in asked_for._meta.fields} - _ASKED_FOR)
        except ValidationError as error:
            wrong = [f"{name}: {' '.join(said)}" for name, said in error.message_dict.items()]
            raise CommandError(" ".join(wrong)) from error
        return begin(asked_for, None)

    def _wait_for(self, snapshot: DatasetSnapshot) -> None:
        """Build it, or wait for whoever is at it."""
        progress = _Progress(self, "building", 100)
        while not advance(snapshot.pk, _STEP_SECONDS):
            snapshot.refresh_from_db()
            progress.show(snapshot.percent_done)
            if snapshot.claim:
                time.sleep(_WAIT_SECONDS)
        snapshot.refresh_from_db()
        if not snapshot.is_ready:
            raise CommandError(snapshot.error)

    def _export(self, snapshot: DatasetSnapshot, folder: Path | None, progress: _Progress, *, pictures: bool) -> str:
        if folder is None:
            store_lists(snapshot, progress.add)
            if pictures:
                store_missing_pictures(snapshot, progress.add)
            return snapshot.folder
        missing = write_folder(snapshot, folder, pictures=pictures, report=progress.add)
        if missing:
            self.stderr.write(f"Warning: {missing:,} pictures are missing, as their files cannot be read any more.")
        return str(folder)


class _Progress:
    """A line on stderr that is written over on a terminal; elsewhere one for each tenth."""

    def __init__(self, command: BaseCommand, doing: str, total: int) -> None:
        self._command, self._doing, self._total = command, doing, max(1, total)
        self._done, self._shown = 0, -1

    def add(self, images: int) -> None:
        self.show(self._done + images)

    def show(self, done: int) -> None:
        self._done = done
        percent = min(100, 100 * done // self._total)
        if sys.stderr.isatty():
            self._command.stderr.write(f"\r{self._doing}: {percent} %", ending="\n" if percent == 100 else "")
        elif percent // 10 > self._shown:
            self._command.stderr.write(f"{self._doing}: {percent} %")
        self._shown = percent // 10
