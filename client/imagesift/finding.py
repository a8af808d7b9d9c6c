"""Which files a person means by the paths that they name, and why the others are left out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

# By extension, not by what the system's registry of types happens to hold: the same on every machine.
CONTENT_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jfif": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".bmp": "image/bmp",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".avif": "image/avif",
}

NOT_AN_IMAGE = "not an image, by its name"
HIDDEN = "hidden"
FOLDER = "a folder: --recursive goes into it"


@dataclass(frozen=True)
class Skipped:
    path: Path
    reason: str


@dataclass
class Found:
    """Files with their sizes in bytes, what was left out, and what was named but cannot be read."""

    files: dict[Path, int] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)

    @property
    def total_bytes(self) -> int:
        return sum(self.files.values())


def find(paths: Iterable[Path], *, recursive: bool) -> Found:
    """Image files among `paths` and in the folders among them; in folders below those only with `recursive`.

    In the order of their names, so that the second run sees them as the first did. Links to folders are not followed,
    because they may lead in circles.
    """
    found = Found()
    for path in paths:
        if path.is_dir():
            _add_folder(found, path, recursive)
        else:
            _add(found, path)
    return found


def _add_folder(found: Found, folder: Path, recursive: bool) -> None:
    def failed(error: OSError) -> None:
        found.unreadable.append((Path(error.filename or folder), reason(error)))

    for place, folders, names in os.walk(folder, onerror=failed):
        folders.sort()
        for name in _out_of(folders, recursive):
            found.skipped.append(Skipped(Path(place, name), HIDDEN if name.startswith(".") else FOLDER))
        for name in sorted(names):
            if name.startswith("."):
                found.skipped.append(Skipped(Path(place, name), HIDDEN))
            else:
                _add(found, Path(place, name))


def _out_of(folders: list[str], recursive: bool) -> Iterator[str]:
    """Take out of `folders`, which os.walk would go into, what is not to be gone into."""
    for name in list(folders):
        if not recursive or name.startswith("."):
            folders.remove(name)
            yield name


def _add(found: Found, path: Path) -> None:
    if path in found.files:
        return
    try:
        byte_count = path.stat().st_size
    except OSError as error:
        found.unreadable.append((path, reason(error)))
        return
    if path.suffix.lower() not in CONTENT_TYPES:
        found.skipped.append(Skipped(path, NOT_AN_IMAGE))
    elif not path.is_file():
        found.skipped.append(Skipped(path, "not a file"))
    else:
        found.files[path] = byte_count


def reason(error: OSError) -> str:
    """Why the system could not do it, as a sentence."""
    return f"It cannot be read: {error.strerror or type(error).__name__}."
