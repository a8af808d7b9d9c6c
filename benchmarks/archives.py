"""How large the functions' archives are, zipped and unpacked, and what takes the most room in them.

Aims: `recognize` at most 15 MB zipped, `portal` at most 20 MB.
"""

from __future__ import annotations

import argparse
import json
import zipfile
from collections import Counter
from pathlib import Path

from benchmarks.unpacked import STAND_IN
from infra import bundle
from infra.archives.contents import ARCHIVES
from infra.archives.libraries import LAMBDA_PLATFORM

_MOST = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--platform", default=LAMBDA_PLATFORM, help="as `infra.bundle` takes it (default: %(default)s)")
    parser.add_argument("--certificates", type=Path, default=STAND_IN, help="as `infra.bundle` takes it")
    options = parser.parse_args()
    for target in ARCHIVES:
        built = bundle.build(target, platform=options.platform, certificates=options.certificates)
        print(json.dumps(measure(target, built)))


def measure(target: str, built: Path) -> dict[str, object]:
    """Sizes in megabytes."""
    entries = zipfile.ZipFile(built).infolist()
    zipped: Counter[str] = Counter()
    for entry in entries:
        zipped[entry.filename.split("/")[0]] += entry.compress_size
    return {
        "archive": target,
        "zipped_mb": _megabytes(built.stat().st_size),
        "unpacked_mb": _megabytes(sum(entry.file_size for entry in entries)),
        "files": len(entries),
        "most": {name: _megabytes(size) for name, size in zipped.most_common(_MOST)},
    }


def _megabytes(size: int) -> float:
    return round(size / 1e6, 1)


if __name__ == "__main__":
    main()
