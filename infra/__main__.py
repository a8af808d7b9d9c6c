"""What `pulumi up` runs: reads the configuration, builds the archives, makes the stack and says where it is."""

from __future__ import annotations

import sys
from pathlib import Path

import pulumi

# Pulumi puts this folder on the path; the program's modules are found from the one above.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from infra import bundle
from infra.archives.errors import BundleError
from infra.archives.source import pack_source
from infra.config import from_pulumi
from infra.stack import Archives, Stack

# First, so that a wrong value fails before anything is built or created.
config = from_pulumi()
try:
    archives = Archives(
        recognize=bundle.build("recognize"), portal=bundle.build("portal"), training=pack_source(bundle.FOLDER)
    )
except BundleError as error:
    # Without the trace that Pulumi shows of every other exception.
    raise pulumi.RunError(str(error)) from error
for name, value in Stack(config, archives).outputs().items():
    pulumi.export(name, value)
