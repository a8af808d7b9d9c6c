"""`python -m infra.archives.tools`: what building the archives needs of this machine, one line of JSON for each.

The state is FINE, NOTE (the build does without) or TO_DO.
"""

from __future__ import annotations

import json
import sys

from infra.archives import truststore
from infra.archives.bytecode import find_python
from infra.archives.errors import BundleError
from infra.archives.libraries import find_uv
from infra.bundle import FOLDER, LAMBDA_PYTHON


def main() -> None:
    for name, state, sentence in (_uv(), _python(), _certificates()):
        sys.stdout.write(json.dumps({"name": name, "state": state, "sentence": sentence}) + "\n")


def _uv() -> tuple[str, str, str]:
    try:
        return "uv", "FINE", str(find_uv())
    except BundleError as error:
        return "uv", "TO_DO", str(error)


def _python() -> tuple[str, str, str]:
    name = f"Python {LAMBDA_PYTHON}"
    found = find_python(LAMBDA_PYTHON)
    if found is None:
        return name, "NOTE", f"not here, so functions would start slower: uv python install {LAMBDA_PYTHON}"
    return name, "FINE", f"{found[1]} compiles the functions' modules"


def _certificates() -> tuple[str, str, str]:
    name = "certificates of Aurora"
    try:
        found = truststore.certificates(truststore.truststore(FOLDER))
    except BundleError as error:
        return name, "TO_DO", str(error)
    return name, "FINE", f"{found} found"


if __name__ == "__main__":
    main()
