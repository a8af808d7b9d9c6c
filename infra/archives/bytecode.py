"""Compiled modules: without them every cold start compiles the libraries again, for seconds.

Bytecode is of one minor version of Python, so it is made by an interpreter of the functions' version. Where none is
found the archive goes without: it works the same, weighs more and starts slower.

Libraries go in as bytecode alone, our own code as both: a traceback tells file and line of every frame, and shows the
line itself where it is ours.
"""

from __future__ import annotations

import functools
import os
import platform as this_machine
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from infra.archives.errors import BundleError
from infra.archives.libraries import find_uv

# Where Lambda unpacks an archive: the folder that tracebacks name.
FUNCTION_ROOT = "/var/task"


@functools.cache
def find_python(version: str) -> tuple[Path, str] | None:
    """An interpreter of minor `version` ("3.13") on this machine and its whole version, or None."""
    if this_machine.python_version().startswith(f"{version}."):
        return Path(sys.executable), this_machine.python_version()
    for candidate in _candidates(version):
        whole = _version(candidate)
        if whole and whole.startswith(f"{version}."):
            return candidate, whole
    return None


def _candidates(version: str) -> Iterator[Path]:
    """Interpreters that may be of `version`: of PATH, of pyenv (whose PATH entries refuse unselected ones), of uv."""
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"), reverse=True)
    try:
        uv = find_uv()
    except BundleError:
        return
    command = [str(uv), "python", "find", "--managed-python", "--no-python-downloads", version]
    managed = subprocess.run(command, capture_output=True, text=True, check=False)
    if managed.returncode == 0:
        yield Path(managed.stdout.strip())


def _version(python: Path) -> str | None:
    command = [str(python), "-I", "-c", "import platform; print(platform.python_version())"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() if asked.returncode == 0 else None


def compile_libraries(folder: Path, python: Path) -> None:
    """Put bytecode in the place of every module below `folder`."""
    _compile(folder, python, "-b")
    for source in list(folder.rglob("*.py")):
        if source.with_suffix(".pyc").exists():
            source.unlink()


def compile_our_own(folder: Path, python: Path) -> None:
    """Put bytecode beside every module below `folder` that has its source."""
    _compile(folder, python)


def _compile(folder: Path, python: Path, *options: str) -> None:
    """Compile the same way each time: one process, one hash seed, FUNCTION_ROOT as the folder that it names.

    The bytecode is never checked against its source.
    """
    command = [str(python), "-s", "-S", "-m", "compileall", "-q", "-f", "-j", "1", *options]
    command += ["--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", FUNCTION_ROOT, str(folder)]
    environment = {"PYTHONHASHSEED": "0", "PATH": os.defpath}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise BundleError(f"{python} could not compile the archive's modules: {(done.stdout + done.stderr).strip()}")
