"""What an archive is made of, in one hash: the same hash, the same archive, so that it need not be built again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
from pathlib import Path

from infra.archives.contents import ROOT, Archive, own_files

_MADE_BY = ("infra/bundle.py", "infra/archives/*.py")


def fingerprint(archive: Archive, *circumstances: str) -> str:
    """Hash of our files, the pinned libraries, the code that builds, and `circumstances` (platform, compiler, …)."""
    files = [Path(archive.requirements), *(Path(file) for file in own_files(archive))]
    files += sorted(path.relative_to(ROOT) for pattern in _MADE_BY for path in ROOT.glob(pattern))
    if archive.has_pages:
        files += sorted(path.relative_to(ROOT) for path in ROOT.glob("portal/static/**/*") if path.is_file())
        circumstances += _collected_from(ROOT / archive.requirements)
    digest = hashlib.sha256()
    for circumstance in circumstances:
        digest.update(f"{len(circumstance)}:{circumstance}".encode())
    for file in files:
        content = (ROOT / file).read_bytes()
        digest.update(f"{file.as_posix()}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()


def _collected_from(requirements: Path) -> tuple[str, ...]:
    """The versions of the archive's libraries in this environment: static files are collected from those."""
    names = re.findall(r"^([a-z0-9-]+)==", requirements.read_text(), re.MULTILINE)
    return tuple(f"{name}=={_installed(name)}" for name in names)


def _installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
