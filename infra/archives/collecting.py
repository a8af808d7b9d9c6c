"""The portal's static files, collected under their hashed names as production serves them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from infra.archives.contents import ROOT
from infra.archives.errors import BundleError

# Written out for reading; pages ask for their minified twins unless DEBUG is on. The last are htmx's extensions, of
# which no page has any.
_LEFT_OUT = ("jquery.js", "xregexp.js", "htmx-2.js", "htmx-4.js", "htmax-4.js", "django_htmx/ext/*")
_INHERITED = ("PATH", "HOME", "LANG", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP")


def collect_static(folder: Path) -> None:
    """Fill `folder` by `manage.py collectstatic` in production mode, run by this interpreter's environment."""
    with tempfile.TemporaryDirectory() as data:
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment |= {
            "IMAGESIFT_MODE": "production",
            # Signs nothing: the process ends when the files are collected.
            "SECRET_KEY": "collecting static files needs none",
            "ALLOWED_HOSTS": "localhost",
            "IMAGESIFT_DATA": data,
            "DATABASE_URL": "sqlite://:memory:",
            "STATIC_ROOT": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
        command += [argument for name in _LEFT_OUT for argument in ("--ignore", name)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BundleError(
            f"the portal's static files could not be collected ({why}); "
            f"this interpreter needs what requirements/portal.txt lists: {sys.executable}"
        )
    _keep_hashed(folder)


def _keep_hashed(folder: Path) -> None:
    """Pages name each file by its content; remove the copies under their plain names, half of the whole."""
    for plain, hashed in json.loads((folder / "staticfiles.json").read_text())["paths"].items():
        if plain != hashed:
            (folder / plain).unlink(missing_ok=True)
            (folder / f"{plain}.gz").unlink(missing_ok=True)
