"""The code of training jobs as a .tar.gz: the same bytes from the same files, under a name that says which."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from infra.archives.contents import ROOT
from infra.archives.errors import BundleError

# What runs in a job: our two packages, what starts them, what their container lacks, and the start for trying out.
_FILES = (
    "recognition/**/*.py",
    "training/**/*.py",
    "training/job.sh",
    "training/requirements.txt",
    "training/starts/**/*.json",
    "training/starts/**/*.safetensors",
)
_HASH_LENGTH = 16


def pack_source(folder: Path, root: Path = ROOT) -> Path:
    """Write `training-<hash>.tar.gz` into `folder`, unless it is there. BundleError where a file of it is missing."""
    packed = gzip.compress(_tar(root), compresslevel=9, mtime=0)
    archive = folder / f"training-{hashlib.sha256(packed).hexdigest()[:_HASH_LENGTH]}.tar.gz"
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = archive.with_suffix(".part")
        unfinished.write_bytes(packed)
        unfinished.replace(archive)
    return archive


def _tar(root: Path) -> bytes:
    content = io.BytesIO()
    with tarfile.open(mode="w", fileobj=content, format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(_files(root)):
            about = tarfile.TarInfo(path.relative_to(root).as_posix())
            about.size, about.mode = path.stat().st_size, 0o644
            with path.open("rb") as file:
                tar.addfile(about, file)
    return content.getvalue()


def _files(root: Path) -> Iterator[Path]:
    for pattern in _FILES:
        found = [path for path in root.glob(pattern) if path.is_file()]
        if not found:
            raise BundleError(f"nothing in the repository is named {pattern}: is the checkout complete?")
        yield from found
