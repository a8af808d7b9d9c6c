from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, TextIO, cast
from uuid import uuid4

from django.conf import settings
from django.core.management.base import BaseCommand
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from portal.images.detecting import detectors_without_database, missing_without_database
from portal.images.recognizing import limits
from recognition.recognizer import RecognitionUnavailable, recognize
from recognition.result import Failure, Result, Source, Status, failed


class Command(BaseCommand):
    help = "Recognise image files here and now, without the database: a table for people, or JSON for programs."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="image files")
        parser.add_argument(
            "--json", action="store_true", help="print one JSON array of results on stdout, in the order given"
        )
        parser.add_argument(
            "--min-confidence",
            type=float,
            default=settings.SHOWN_CONFIDENCE,
            help="in the table, leave out what is less sure, in percent (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        notes = Console(stderr=True)
        for sentence in missing_without_database():
            notes.print(sentence, style="yellow")
        results = _recognize_all(options["files"], notes)
        if options["json"]:
            self.stdout.write(json.dumps([result.to_dict() for result in results], ensure_ascii=False, indent=2))
        else:
            Console(file=cast(TextIO, self.stdout)).print(_table(options["files"], results, options["min_confidence"]))
        if any(result.status is Status.FAILED for result in results):
            sys.exit(1)


def _recognize_all(files: list[Path], notes: Console) -> list[Result]:
    with Progress(console=notes, transient=True) as progress:
        return [_recognize(file) for file in progress.track(files, description="Recognising")]


def _recognize(file: Path) -> Result:
    image_id, source = uuid4(), Source(storage="file", key=str(file))
    try:
        return recognize(
            file,
            image_id=image_id,
            stored_as=source,
            detectors=detectors_without_database(),
            limits=limits(),
            timeout_s=settings.DETECTOR_TIMEOUT_SECONDS,
        ).result
    except OSError as error:
        reason = Failure("unreadable_file", f"This file could not be opened: {error.strerror}.", permanent=True)
    except RecognitionUnavailable as error:
        reason = Failure("recognition_unavailable", str(error), permanent=False)
    return failed(image_id, source, reason)


def _table(files: list[Path], results: list[Result], min_confidence: float) -> Table:
    table = Table(title="What is in these images", show_lines=True)
    for heading in ("File", "Labels", "Text", "Colours"):
        table.add_column(heading, overflow="fold")
    for file, result in zip(files, results, strict=True):
        if result.failure is not None:
            table.add_row(Text(file.name), Text(result.failure.message, style="red"))
        else:
            table.add_row(Text(file.name), *(Text(cell) for cell in _cells(result, min_confidence)))
    return table


def _cells(result: Result, min_confidence: float) -> tuple[str, str, str]:
    labels = [f"{label.name} {label.confidence:.0f} %" for label in result.labels if label.confidence >= min_confidence]
    lines = [text.text for text in result.text if text.kind == "line" and text.confidence >= min_confidence]
    colors = [color.name for color in result.properties.dominant_colors] if result.properties else []
    return "\n".join(labels), "\n".join(lines), ", ".join(dict.fromkeys(colors))
