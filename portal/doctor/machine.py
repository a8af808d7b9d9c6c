"""What this machine needs so that `pulumi up` runs and builds the functions' archives."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from portal.doctor.findings import Finding, State, fine, to_do

PULUMI = "Pulumi"
TOOLS = "Tools"


def check_pulumi() -> Finding:
    found = shutil.which("pulumi")
    if found is None:
        return to_do(PULUMI, "its command is not on the PATH: see pulumi.com/docs/iac/download-install")
    return fine(PULUMI, found)


def check_tools(root: Path) -> Iterator[Finding]:
    """What the archives' builder says of its own needs; a program of its own, as the portal knows nothing of infra."""
    command = [sys.executable, "-m", "infra.archives.tools"]
    asked = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=120)
    if asked.returncode != 0:
        why = (asked.stderr.strip().splitlines() or ["no reason given"])[-1]
        yield to_do(TOOLS, f"could not be looked at ({why}): is this the whole repository?")
    for line in asked.stdout.splitlines():
        tool = json.loads(line)
        yield Finding(tool["name"], State[tool["state"]], tool["sentence"])
