from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Bring database, cache table, static files and first administrator up to date. Quick when they are."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        self._collect_static()
        call_command("first_admin", stdout=self.stdout)

    def _collect_static(self) -> None:
        """Collect and compress static files, unless none has changed since the last time."""
        stamp = Path(settings.STATIC_ROOT) / ".collected"
        state = _static_state()
        if stamp.exists() and stamp.read_text() == state:
            return
        call_command("collectstatic", interactive=False, verbosity=0, clear=stamp.exists())
        stamp.write_text(state)


def _static_state() -> str:
    """Changes whenever a static file is added, removed or edited."""
    files = [
        Path(storage.path(path)).stat()
        for finder in get_finders()
        for path, storage in finder.list(ignore_patterns=None)
    ]
    newest = max((file.st_mtime_ns for file in files), default=0)
    return f"{len(files)} files, {sum(file.st_size for file in files)} bytes, newest {newest}"
