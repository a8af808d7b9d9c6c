"""What the portal makes of itself once: static files under their hashed names, and the API's OpenAPI document."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from infra.archives.contents import ROOT
from infra.archives.errors import BundleError

# Written out for reading; pages ask for their minified twins unless DEBUG is on.
_WRITTEN_OUT = ("jquery.js", "xregexp.js", "select2.css", "select2.full.js", "htmx-2.js")
# Versions of htmx and extensions to it that no page has.
_OTHER_HTMX = ("htmx-4*.js", "htmax-4*.js", "django_htmx/ext/*")
_LEFT_OUT = (*_WRITTEN_OUT, *_OTHER_HTMX)
_INHERITED = ("PATH", "HOME", "LANG", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP")


def collect_static(folder: Path) -> None:
    """Fill `folder` by `manage.py collectstatic` in production mode, run by this interpreter's environment."""
    options = [argument for name in _LEFT_OUT for argument in ("--ignore", name)]
    _manage("collectstatic", "--no-input", "--verbosity", "0", *options, static_root=folder)
    _keep_hashed(folder)


def store_document(file: Path) -> None:
    """Write the API's OpenAPI document, which the portal serves where what makes it is not installed."""
    file.write_text(_manage("openapi"), encoding="utf-8", newline="\n")


def _manage(*arguments: str, static_root: Path | None = None) -> str:
    """What a management command prints, in production mode, by this interpreter's environment. Raises BundleError."""
    with tempfile.TemporaryDirectory() as data:
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment |= {
            "IMAGESIFT_MODE": "production",
            # Signs nothing: the process ends when the command is done.
            "SECRET_KEY": "packing the portal needs none",
            "ALLOWED_HOSTS": "localhost",
            "IMAGESIFT_DATA": data,
            "DATABASE_URL": "sqlite://:memory:",
            "STATIC_ROOT": str(static_root or data),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONIOENCODING": "utf-8",
        }
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
        )
    if done.returncode != 0:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BundleError(
            f"manage.py {arguments[0]} could not be run for the portal's archive ({why}); "
            f"this interpreter needs what requirements/portal.txt lists: {sys.executable}"
        )
    return done.stdout


def _keep_hashed(folder: Path) -> None:
    """Pages name each file by its content; remove the copies under their plain names, half of the whole."""
    for plain, hashed in json.loads((folder / "staticfiles.json").read_text())["paths"].items():
        if plain != hashed:
            (folder / plain).unlink(missing_ok=True)
            (folder / f"{plain}.gz").unlink(missing_ok=True)
