"""A folder as a ZIP file that depends on nothing but the folder's content: the same bytes wherever it is made."""

from __future__ import annotations

import zipfile
from pathlib import Path

# The earliest that a ZIP file can say.
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
_READABLE_FILE = 0o100644
_LEVEL = 9


def pack(folder: Path, destination: Path) -> None:
    """Write every file below `folder` to the ZIP file `destination`, sorted by name, all with one time and mode."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _TIMESTAMP)
            entry.external_attr = _READABLE_FILE << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            # As made on Unix, on every system: Lambda reads the mode only then.
            entry.create_system = 3
            archive.writestr(entry, files[name].read_bytes(), compresslevel=_LEVEL)
