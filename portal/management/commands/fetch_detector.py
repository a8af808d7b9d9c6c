from __future__ import annotations

import logging
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from recognition import download, hub
from recognition.configuration import ONNX

_LINE_EVERY_SECONDS = 5.0

_ABOUT_MODELS = """
known models: {known}

Another model of the DETR family can be named by its address on the Hugging Face hub,
  --model owner/name@commit:path/model.onnx --sha256 HEX
with the commit's 40 hex digits. Its SHA-256 has to be given, as nothing else says that the right file came.
The commit must also hold the model's config.json and preprocessor_config.json.

D-FINE-nano is about five times faster than RT-DETRv2-R18 and less accurate. It is not in the list because no ONNX
conversion of it has been checked: its weights are ustc-community/dfine-nano-coco, for PyTorch, and the conversion
onnx-community/dfine_n_coco-ONNX is reported to give wrong scores.
"""


class Command(BaseCommand):
    help = "Fetch the object detector's model from the Hugging Face hub and keep it in this user's cache."
    requires_system_checks = []
    requires_migrations_checks = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        about = _ABOUT_MODELS.format(known=", ".join(hub.MODELS))
        parser = super().create_parser(prog_name, subcommand, epilog=about, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--model", help="a known model or owner/name@commit:path/model.onnx (default: ONNX_MODEL)")
        parser.add_argument("--sha256", default="", metavar="HEX", help="the model file's SHA-256, if it is not known")
        parser.add_argument("--cache", type=Path, default=settings.MODELS_DIR, help="where to (default: %(default)s)")
        parser.add_argument(
            "--if-missing",
            action="store_true",
            help="do nothing where the model is already there or the portal does not use one from the hub",
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        cache: Path = options["cache"]
        if options["if_missing"] and _not_needed(options["model"]):
            return
        model = _model(options["model"] or settings.ONNX_MODEL, options["sha256"])
        if options["if_missing"] and hub.installed(model, cache):
            return
        # It would announce every request, in the middle of the progress bar.
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        try:
            with _shown_progress(model.name) as progress:
                folder = hub.fetch(model, cache, progress=progress)
        except hub.FetchError as error:
            self.stderr.write(_failure(str(error), in_background=options["if_missing"]))
            sys.exit(1)
        in_use = model == hub.MODELS.get(settings.ONNX_MODEL) and cache == settings.MODELS_DIR
        use = (
            "The worker picks it up without a restart."
            if in_use
            else f"Start the portal with ONNX_MODEL={folder} to use it."
        )
        self.stdout.write(f"The object detector is in {folder}. {use}")


def _not_needed(named: str | None) -> bool:
    """Whether the portal, asked for no model in particular, has no use for one from the hub."""
    own_folder = Path(settings.ONNX_MODEL).expanduser().is_dir()
    return named is None and (ONNX not in settings.DETECTORS or own_folder)


def _model(named: str, sha256: str) -> hub.ModelRef:
    known = hub.MODELS.get(named)
    if known is None:
        try:
            return hub.parse(named, sha256)
        except ValueError as error:
            raise CommandError(str(error)) from None
    if sha256 and sha256.lower() != known.sha256:
        raise CommandError(f"The SHA-256 of {named} is {known.sha256}; leave --sha256 out.")
    return known


def _failure(reason: str, *, in_background: bool) -> str:
    if in_background:
        return (
            f"The object detector could not be fetched ({reason}). Faces, text and colours are recognised all the "
            "same; try again later with: .venv/bin/python manage.py fetch_detector"
        )
    return f"The object detector could not be fetched: {reason}."


@contextmanager
def _shown_progress(name: str) -> Iterator[download.Progress]:
    """A bar on a terminal; elsewhere, a line now and then."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(name)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"Fetching {name}", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


class _Lines:
    def __init__(self, name: str) -> None:
        self._name = name
        self._due = time.monotonic() + _LINE_EVERY_SECONDS

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _LINE_EVERY_SECONDS
            whole = f" of {decimal(total)}" if total else ""
            sys.stderr.write(f"Fetching {self._name}: {decimal(done)}{whole}\n")
