"""Builds the functions' archives without Docker: `python -m infra.bundle recognize`, `python -m infra.bundle portal`.

The same inputs give the same bytes, and what was built is kept, so that a second `pulumi preview` takes no time.
"""

from __future__ import annotations

import argparse
import hashlib
import platform as this_machine
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.archives import truststore
from infra.archives.bytecode import compile_libraries, compile_our_own, find_python
from infra.archives.collecting import collect_static, store_document
from infra.archives.contents import ARCHIVES, ROOT, Archive, own_files
from infra.archives.errors import BundleError
from infra.archives.fingerprint import fingerprint
from infra.archives.libraries import HOST, LAMBDA_PLATFORM, install, trim
from infra.archives.packing import pack

LAMBDA_PYTHON = "3.13"
# Where the portal looks for it.
OPENAPI_FILE = "openapi.json"
FOLDER = ROOT / "var" / "archives"
# Archives of former inputs stay for a while: going back to them needs no build, and another process may read one.
_KEPT_BUILDS = 4


def build(
    target: str,
    folder: Path = FOLDER,
    *,
    platform: str = LAMBDA_PLATFORM,
    python: str = LAMBDA_PYTHON,
    certificates: Path | None = None,
) -> Path:
    """The archive of `target` ("recognize", "portal") as a ZIP file in `folder`, built unless it is there already.

    `platform` is one of uv's, or "host" for this machine and this interpreter's version (then `python` means nothing).
    `certificates` names the RDS trust store; without it, see `infra.archives.truststore`. An archive for "host" goes
    without where none is named. Processes may build at once. BundleError says in one line why it cannot be built.
    """
    archive = ARCHIVES[target]
    if platform == HOST:
        python = ".".join(this_machine.python_version_tuple()[:2])
    trusted = _trusted(archive, folder, platform, certificates)
    found = find_python(python)
    compiler, version = found or (None, "no bytecode")
    key = fingerprint(archive, platform, python, version, hashlib.sha256(trusted).hexdigest())
    built = folder / f"{target}-{platform}-{key[:16]}.zip"
    if not built.exists():
        if compiler is None:
            _say(
                f"{target}: no Python {python} here to compile with, so it starts slower (uv python install {python})."
            )
        _build(_Recipe(archive, platform, python, compiler, trusted), built)
        _forget_old(folder, f"{target}-{platform}-*.zip")
    return built


@dataclass(frozen=True)
class _Recipe:
    """An archive and how it is made; `compiler` is None where its modules go in uncompiled."""

    archive: Archive
    platform: str
    python: str
    compiler: Path | None
    trusted: bytes


def _build(recipe: _Recipe, built: Path) -> None:
    built.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=built.parent, prefix=".building-") as temporary:
        stage = Path(temporary) / "stage"
        _fill(stage, recipe)
        packed = Path(temporary) / built.name
        pack(stage, packed)
        # Whole or not at all, whoever else builds the same.
        packed.replace(built)


def _fill(stage: Path, recipe: _Recipe) -> None:
    archive = recipe.archive
    install(ROOT / archive.requirements, stage, recipe.platform, recipe.python)
    trim(stage, archive.services)
    if recipe.compiler is not None:
        compile_libraries(stage, recipe.compiler)
    for file in own_files(archive):
        (stage / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, stage / file)
    if archive.has_pages:
        collect_static(stage / "static")
        store_document(stage / OPENAPI_FILE)
    if recipe.trusted:
        (stage / truststore.FILE_NAME).write_bytes(recipe.trusted)
    if recipe.compiler is not None:
        compile_our_own(stage, recipe.compiler)


def _trusted(archive: Archive, folder: Path, platform: str, named: Path | None) -> bytes:
    if not archive.reaches_database or (platform == HOST and not truststore.is_named(named)):
        return b""
    return truststore.truststore(folder, named)


def _forget_old(folder: Path, pattern: str) -> None:
    newest_first = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest_first[_KEPT_BUILDS:]:
        path.unlink(missing_ok=True)


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def main(arguments: list[str] | None = None) -> int:
    """Build what the command line names and print where it is; 1 where that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m infra.bundle", description=__doc__)
    parser.add_argument("target", choices=sorted(ARCHIVES))
    parser.add_argument("--output", type=Path, help="copy the archive here as well")
    parser.add_argument("--platform", default=LAMBDA_PLATFORM, help=f'"{HOST}" or one of uv\'s (default: %(default)s)')
    parser.add_argument("--python", default=LAMBDA_PYTHON, help="minor version of Python (default: %(default)s)")
    parser.add_argument("--certificates", type=Path, help=f"PEM file to check Aurora's with (${truststore.VARIABLE})")
    given = parser.parse_args(arguments)
    try:
        built = build(
            given.target, FOLDER, platform=given.platform, python=given.python, certificates=given.certificates
        )
    except BundleError as error:
        _say(f"error: {error}")
        return 1
    if given.output:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        built = Path(shutil.copyfile(built, given.output))
    sys.stdout.write(f"{built} ({built.stat().st_size / 1_000_000:.1f} MB)\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
